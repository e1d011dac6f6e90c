import CSystem
import Glibc

/// A descriptor that lines are appended to: a file that is opened anew after it was rotated, or a standard stream.
@safe
public struct LogFile: ~Copyable {
  private var descriptor: Int32
  private let path: String?
  /// The last bytes that were written end no line: the others found no room.
  private var isInsideLine = false

  /// Opens `path` for appending, and makes it where it is missing, readable by its owner and group.
  public init(path: String) throws(SystemError) {
    descriptor = try LogFile.open(path)
    self.path = path
    isInsideLine = unsafe csystem_ends_inside_line(path) != 0
  }

  /// A standard stream; it is not closed.
  public init(_ stream: StandardStream) {
    descriptor = stream.rawValue
    path = nil
  }

  deinit { if path != nil { close(descriptor) } }

  /// Opens the path again, for the file that was renamed away. On an error the old one stays in use.
  public mutating func reopen() throws(SystemError) {
    guard let path else { return }
    let fresh = try LogFile.open(path)
    close(descriptor)
    descriptor = fresh
    isInsideLine = unsafe csystem_ends_inside_line(path) != 0
  }

  /// Writes all of `bytes` and then of `others`, whole lines, where the system allows at once: another process may append
  /// to the file. What an error has cut short is a line of its own.
  public mutating func write(_ bytes: Span<UInt8>, _ others: Span<UInt8> = Span()) throws(SystemError) {
    if isInsideLine {
      let lineEnd: [UInt8] = [UInt8(ascii: "\n")]
      try writeAll(lineEnd.span, Span())
      isInsideLine = false
    }
    try writeAll(bytes, others)
  }

  private mutating func writeAll(_ bytes: Span<UInt8>, _ others: Span<UInt8>) throws(SystemError) {
    var offset = 0
    while offset < bytes.count + others.count {
      // SAFETY: both ranges lie inside the spans, which outlive the call.
      let count = unsafe bytes.withUnsafeBytes { first in
        unsafe others.withUnsafeBytes { second in
          let firstOffset = min(offset, first.count)
          let secondOffset = offset - firstOffset
          return unsafe csystem_write_both(
            descriptor, first.baseAddress.map { unsafe $0 + firstOffset }, first.count - firstOffset,
            second.baseAddress.map { unsafe $0 + secondOffset }, second.count - secondOffset)
        }
      }
      if count > 0 {
        offset += count
        continue
      }
      if count < 0, errno == EINTR { continue }
      if count < 0, errno == EAGAIN {
        // A pipe that was made nonblocking by whoever shares it: its reader is slow, and this thread may wait.
        usleep(1000)
        continue
      }
      let error = SystemError.last("write")
      if offset > 0 {
        let last = offset <= bytes.count ? bytes[offset - 1] : others[offset - bytes.count - 1]
        isInsideLine = last != UInt8(ascii: "\n")
      }
      throw error
    }
  }

  private static func open(_ path: String) throws(SystemError) -> Int32 {
    let number = unsafe csystem_open_log(path)
    guard number >= 0 else {
      let code = errno
      throw SystemError(call: code == ENXIO ? "open \(path), a pipe that nobody reads" : "open \(path)", code: code)
    }
    return number
  }
}
