import CSystem
import Glibc

/// What is typed, or piped in.
public enum StandardInput {
  /// The next line of standard input, without its end, be it LF or CR LF; nil at the end. Blocks.
  ///
  /// - Throws: EMSGSIZE for one of more than `bytesMax` bytes.
  public static func line(bytesMax: Int) throws(SystemError) -> [UInt8]? {
    var line: [UInt8] = []
    while true {
      var byte: UInt8 = 0
      // One at a time: what is behind the line is for whoever reads next.
      // SAFETY: one byte is written into `byte`.
      let count = unsafe read(0, &byte, 1)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .last("read") }
      if count == 0, line.isEmpty { return nil }
      if count == 0 || byte == UInt8(ascii: "\n") {
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        guard line.count <= bytesMax else { break }
        return line
      }
      // One more may be half of its end.
      guard line.count <= bytesMax else { break }
      line.append(byte)
    }
    throw SystemError(call: "read", code: EMSGSIZE)
  }

  /// A line that is typed at the process's terminal, which does not show it. Blocks.
  ///
  /// - Throws: Where there is no terminal, or a line is longer than `bytesMax`.
  public static func secret(prompt: String, bytesMax: Int) throws(SystemError) -> [UInt8] {
    // SAFETY: the path is NUL-terminated for the call.
    let terminal = try Descriptor(unsafe open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC), call: "open /dev/tty")
    let text = Array(prompt.utf8)
    // SAFETY: as many bytes are read as the array has.
    _ = unsafe text.withUnsafeBytes { unsafe write(terminal.number, $0.baseAddress, $0.count) }
    var bytes = [UInt8](repeating: 0, count: bytesMax)
    // SAFETY: the call writes inside the array, which is borrowed exclusively.
    let count = unsafe bytes.withUnsafeMutableBufferPointer { bytes in
      unsafe csystem_read_unseen(terminal.number, bytes.baseAddress, bytes.count)
    }
    guard count >= 0 else { throw .last("read /dev/tty") }
    bytes.removeSubrange(count...)
    return bytes
  }
}
