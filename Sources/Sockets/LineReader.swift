import CSystem
import Glibc

/// Reads lines as they come, from a file that may grow and be rotated, or from standard input. Blocks. What it holds is
/// bounded, whatever the length of a line.
@safe
public struct LineReader: ~Copyable {
  /// What of a line a piece is.
  public enum Piece: Sendable {
    /// All of it.
    case line
    /// A part of one that is longer than is held, and more of it follows.
    case part
    /// The end of such a one.
    case lastPart
  }

  private let path: String
  /// nil: standard input.
  private var file: Descriptor?
  private var identity: FileIdentity?
  /// Of the file, that were read.
  private var offset: Int64 = 0
  private var block = [UInt8](repeating: 0, count: 64 * 1024)
  private var line: [UInt8] = []
  private var isPartGiven = false

  /// What is given as one line at most.
  public static let lineBytesMax = 256 * 1024

  /// - Parameter path: nil for standard input.
  public init(path: String?) throws(SystemError) {
    self.path = path ?? "standard input"
    guard let path else { return }
    // SAFETY: the path is NUL-terminated for the call.
    let opened = try Descriptor(unsafe csystem_open_blocking(path), call: "open \(path)")
    identity = FileIdentity(opened)
    file = consume opened
  }

  /// Reads once, and gives each line that has ended, without its end.
  ///
  /// - Returns: False at the end, where a file may go on to grow.
  public mutating func read(_ body: (Span<UInt8>, Piece) -> Void) throws(SystemError) -> Bool {
    let number = file?.number ?? 0
    var count: Int
    repeat {
      // SAFETY: the call writes inside the array, which is borrowed exclusively.
      count = unsafe block.withUnsafeMutableBytes { raw in unsafe Glibc.read(number, raw.baseAddress, raw.count) }
    } while count < 0 && errno == EINTR
    guard count >= 0 else { throw .last("read \(path)") }
    offset += Int64(count)
    var start = 0
    while start < count {
      let end = lineEnd(start, count)
      if line.isEmpty, !isPartGiven, end < count {
        // Nothing of it came before: it is given where it stands.
        body(block.span.extracting(start..<end), .line)
      } else {
        keep(start, end, body)
        if end < count {
          body(line.span, isPartGiven ? .lastPart : .line)
          isPartGiven = false
          line.removeAll(keepingCapacity: true)
        }
      }
      start = end + 1
    }
    return count > 0
  }

  /// Where the line that goes on at `start` ends in the block; `count` where it does not.
  private func lineEnd(_ start: Int, _ count: Int) -> Int {
    unsafe block.withUnsafeBytes { raw in
      // SAFETY: `start` lies below `count`, which the array holds.
      guard let base = raw.baseAddress,
        let found = unsafe memchr(base + start, Int32(UInt8(ascii: "\n")), count - start)
      else { return count }
      return unsafe UnsafeRawPointer(found) - base
    }
  }

  /// Keeps a piece of a line whose end, or beginning, is not in the block.
  private mutating func keep(_ start: Int, _ end: Int, _ body: (Span<UInt8>, Piece) -> Void) {
    var start = start
    while line.count + (end - start) > LineReader.lineBytesMax {
      let taken = start + LineReader.lineBytesMax - line.count
      line += block[start..<taken]
      body(line.span, .part)
      isPartGiven = true
      line.removeAll(keepingCapacity: true)
      start = taken
    }
    line += block[start..<end]
  }

  /// Gives what stands behind the last line's end.
  public mutating func finish(_ body: (Span<UInt8>, Piece) -> Void) {
    guard !line.isEmpty || isPartGiven else { return }
    body(line.span, isPartGiven ? .lastPart : .line)
    line.removeAll(keepingCapacity: true)
    isPartGiven = false
  }

  /// What became of a file at whose end this is.
  public enum Change: Sendable {
    case none
    /// It was emptied, and is read from its beginning.
    case emptied
    /// Another one has its name, into which was written: that one is opened with `reopen`, once all of this one is read.
    case replaced
  }

  /// Looks at what has the file's name by now. One that is empty yet is passed over: whoever writes may not have
  /// opened it, and goes on to write into this one.
  public mutating func look() -> Change {
    guard let number = file?.number, let current = FileIdentity(path: path) else { return .none }
    guard current.isSameFile(as: identity) else { return current.bytes > 0 ? .replaced : .none }
    guard current.bytes < offset, lseek(number, 0, SEEK_SET) == 0 else { return .none }
    offset = 0
    return .emptied
  }

  /// Goes on with the file that has the name by now.
  public mutating func reopen() throws(SystemError) {
    let opened = try Descriptor(unsafe csystem_open_blocking(path), call: "open \(path)")
    identity = FileIdentity(opened)
    file = consume opened
    offset = 0
  }
}

/// Which file it is, and how large.
private struct FileIdentity: Sendable {
  let bytes: Int64
  private let device: UInt64
  private let inode: UInt64

  init?(path: String) {
    var status = stat()
    // SAFETY: the path is NUL-terminated for the call, which writes into `status` alone.
    guard unsafe stat(path, &status) == 0 else { return nil }
    self.init(status)
  }

  init?(_ file: borrowing Descriptor) {
    var status = stat()
    // SAFETY: the call writes into `status` alone.
    guard unsafe fstat(file.number, &status) == 0 else { return nil }
    self.init(status)
  }

  private init(_ status: stat) {
    bytes = Int64(status.st_size)
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
  }

  func isSameFile(as other: FileIdentity?) -> Bool { device == other?.device && inode == other?.inode }
}
