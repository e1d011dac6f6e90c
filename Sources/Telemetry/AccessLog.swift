public import Sockets
import Synchronization

/// Why the access log cannot be written.
public struct AccessLogError: Error, CustomStringConvertible {
  public let error: SystemError
  public var description: String { "access log: \(error)" }
}

/// The access log of the whole program: a ring for each loop, and a thread that writes.
public final class AccessLog: Sendable {
  public enum Target: Sendable, Equatable {
    case stdout, stderr, off
    case file(String)
  }
  public enum Format: Sendable, Equatable { case json, logfmt, combined }

  private let writer: LogWriter?
  private let format: Format

  /// Bytes of a loop's ring: some thousand lines.
  static let ringBytes = 2 << 20

  /// - Parameter report: Called from the writer's thread.
  public init(
    _ target: Target, format: Format, report: @escaping @Sendable (LogWriter.Event) -> Void
  ) throws(AccessLogError) {
    self.format = format
    do throws(SystemError) {
      switch target {
      case .off: writer = nil
      case .stdout: writer = LogWriter(LogFile(.output), report: report)
      case .stderr: writer = LogWriter(LogFile(.error), report: report)
      case .file(let path): writer = LogWriter(try LogFile(path: path), report: report)
      }
    } catch {
      throw AccessLogError(error: error)
    }
    writer?.start()
  }

  /// The end for one loop. Before the loops start.
  ///
  /// - Parameter remembersRefusals: Whether the last ones can be asked for.
  public func makeRing(remembersRefusals: Bool = false) -> AccessLogRing {
    guard let writer else { return AccessLogRing(nil, .json, remembersRefusals: remembersRefusals) }
    let ring = ByteRing(capacity: AccessLog.ringBytes)
    writer.add(ring)
    return AccessLogRing(ring, format, remembersRefusals: remembersRefusals)
  }

  /// Opens the file anew, after it was rotated.
  public func reopen() { writer?.reopen() }

  /// Lines that could not be written, since the beginning.
  public var linesLost: UInt64 { writer?.linesLost ?? 0 }

  /// Writes what is left, and ends. Waits a second at most.
  public func flushAndStop() { writer?.stop() }
}
