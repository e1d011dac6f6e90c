import Configuration
import Sockets
import Telemetry

extension AccessLog {
  /// The access log that `configuration` describes.
  convenience init(
    _ configuration: LogConfiguration, report: @escaping @Sendable (LogWriter.Event) -> Void
  ) throws(AccessLogError) {
    var isTerminal = false
    let target: Target
    switch configuration.access {
    case .stdout:
      target = .stdout
      isTerminal = StandardStream.output.isTerminal
    case .stderr:
      target = .stderr
      isTerminal = StandardStream.error.isTerminal
    case .off: target = .off
    case .file(let path): target = .file(path)
    }
    let format: Format =
      switch configuration.format {
      case .json: .json
      case .logfmt: .logfmt
      case .combined: .combined
      case .automatic: isTerminal ? .logfmt : .json
      }
    try self.init(target, format: format, report: report)
  }
}
