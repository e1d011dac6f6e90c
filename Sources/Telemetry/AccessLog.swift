public import Sockets
import Synchronization

/// The file of the access log cannot be opened.
public struct AccessLogError: Error, CustomStringConvertible {
  /// The system call that failed, and why.
  public let error: SystemError
  /// For operators: `access log: …`.
  public var description: String { "access log: \(error)" }
}

/// The access log of the whole program: a ring for each loop, and a thread that writes.
public final class AccessLog: Sendable {
  /// Where lines are written: to standard output, to standard error, nowhere, or to a file by its path (`log.access`).
  public enum Target: Sendable, Equatable {
    case stdout, stderr, off
    case file(String)
  }
  /// How lines are written: as JSON, as logfmt, or in Combined Log Format (`log.format`).
  public enum Format: Sendable, Equatable { case json, logfmt, combined }

  private let writer: LogWriter?
  private let format: Format

  /// Bytes of a loop's ring: some thousand lines.
  static let ringBytes = 2 << 20

  /// Opens the log, and starts the thread that writes it.
  ///
  /// - Parameter report: Called on the writer's thread, which waits for it.
  /// - Throws: Where the file of `target` cannot be opened.
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

  /// Makes one loop's end of the log. To be called before the loops start.
  ///
  /// - Parameter remembersRefusals: Whether the ring also remembers the latest refusals.
  public func makeRing(remembersRefusals: Bool = false) -> AccessLogRing {
    guard let writer else { return AccessLogRing(nil, .json, remembersRefusals: remembersRefusals) }
    return AccessLogRing(writer.makeRing(capacity: AccessLog.ringBytes), format, remembersRefusals: remembersRefusals)
  }

  /// Has the file opened again by its path before the next line is written, after it was rotated. Does not wait for it.
  public func reopen() { writer?.reopen() }

  /// Lines that could not be written, since the log was opened.
  public var linesLost: UInt64 { writer?.linesLost ?? 0 }

  /// Writes what is left, and ends the thread. Waits a second at most.
  public func flushAndStop() { writer?.stop() }
}
