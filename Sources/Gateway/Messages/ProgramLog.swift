import Configuration
import JSON
import Logging
import Sockets
import Telemetry

/// Writes program messages to standard error: one line each, in the access log's format.
struct ProgramLog: LogHandler {
  enum Format: Sendable { case json, logfmt }

  var logLevel: Logger.Level
  var metadata: Logger.Metadata = [:]
  private let format: Format
  private let write: @Sendable (String) -> Void

  /// - Parameter write: Given each line.
  init(level: Logger.Level, format: Format, write: @escaping @Sendable (String) -> Void) {
    logLevel = level
    self.format = format
    self.write = write
  }

  /// The log that `configuration` describes, and what writes it.
  static func open(_ configuration: LogConfiguration) -> (log: Logger, writer: ProgramLogWriter) {
    let format: Format =
      switch configuration.format {
      case .json: .json
      // That one has no place for messages.
      case .logfmt, .combined: .logfmt
      case .automatic: StandardStream.error.isTerminal ? .logfmt : .json
      }
    let level: Logger.Level =
      switch configuration.level {
      case .debug: .debug
      case .info: .info
      case .warning: .warning
      case .error: .error
      }
    let writer = ProgramLogWriter { lost in
      line(
        format, .warning, "program messages were lost: standard error could not be written in time",
        ["lines": "\(lost)"])
    }
    let log = Logger(label: "portcullis") { _ in
      ProgramLog(level: level, format: format) { writer.write($0) }
    }
    return (log, writer)
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
    write(ProgramLog.line(format, event.level, event.message.description, all))
  }

  private static func line(
    _ format: Format, _ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata
  ) -> String {
    var pairs = [("time", Timestamp.text(WallClock.nanoseconds)), ("level", level.rawValue), ("message", message)]
    for (key, value) in metadata.sorted(by: { $0.key < $1.key }) { pairs.append((key, value.description)) }
    return switch format {
    case .json: "{" + pairs.map { "\(JSONValue.quoted($0.0)):\(JSONValue.quoted($0.1))" }.joined(separator: ",") + "}"
    case .logfmt: pairs.map { "\($0.0)=\(isBare($0.1) ? $0.1 : JSONValue.quoted($0.1))" }.joined(separator: " ")
    }
  }

  private static func isBare(_ text: String) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "=") }
  }
}
