import CSystem
import Glibc

/// What tells one state of a file from another: a file that was replaced, written to or whose mode was changed has
/// another status.
public struct FileStatus: Sendable, Equatable {
  /// Whether it is a regular file, not a folder, a pipe or anything else.
  public let isRegular: Bool
  /// Permission bits, as `chmod` takes them.
  public let mode: UInt32
  /// Its size.
  public let bytes: Int64
  /// Whom it belongs to.
  public let owner: FileOwner
  /// Whether it belongs to the user that this process or the gateway runs as, or to root.
  public var isOwnedByUs: Bool { owner.isTrusted }
  /// Whether it belongs to root, and the gateway runs as somebody else.
  public var isLentByRoot: Bool { owner.isLendingRoot }
  private let device: UInt64
  private let inode: UInt64
  /// When its content and when its status changed, in nanoseconds since 1970.
  private let modifiedAt: Int64
  private let changedAt: Int64

  /// How long ago its content or its status changed, by the clock of the file system; nil: that is in the future, or the
  /// file system does not say. May be wrong where the file is on another machine.
  ///
  /// - Parameter now: Nanoseconds since 1970.
  public func unchangedFor(now: Int64) -> Duration? {
    let latest = max(modifiedAt, changedAt)
    guard latest > 0, latest <= now else { return nil }
    return .nanoseconds(now - latest)
  }

  /// Of the file that `path` leads to, symbolic links followed.
  public init(path: String) throws(SystemError) {
    var status = stat()
    // SAFETY: the path is NUL-terminated for the call, which writes into `status` alone.
    guard unsafe stat(path, &status) == 0 else { throw .last("stat \(path)") }
    self.init(status)
  }

  fileprivate init(_ file: borrowing Descriptor, _ path: String) throws(SystemError) {
    var status = stat()
    // SAFETY: the call writes into `status` alone.
    guard unsafe fstat(file.number, &status) == 0 else { throw .last("fstat \(path)") }
    try FileAccess.checkLink(path, to: status)
    self.init(status)
  }

  private init(_ status: stat) {
    isRegular = status.st_mode & S_IFMT == S_IFREG
    mode = status.st_mode & 0o7777
    bytes = Int64(status.st_size)
    owner = FileOwner(of: status)
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
    modifiedAt = FileStatus.nanoseconds(status.st_mtim)
    changedAt = FileStatus.nanoseconds(status.st_ctim)
  }

  /// Wraps where a file system invents times: only equality counts.
  private static func nanoseconds(_ time: timespec) -> Int64 {
    Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
  }
}

extension FileAccess {
  /// Reads a regular file of at most `bytesMax` bytes, which may be written to meanwhile.
  ///
  /// - Returns: Its bytes, and its status after they were read: where that is still its status later, they are what it
  ///   holds.
  public static func readWithStatus(
    _ path: String, bytesMax: Int
  ) throws(SystemError) -> (bytes: [UInt8], status: FileStatus) {
    let file = try Descriptor(unsafe csystem_open_reading(path), call: "open \(path)")
    let before = try FileStatus(file, path)
    guard before.isRegular else { throw SystemError(call: "read \(path)", code: EISDIR) }
    guard before.bytes <= bytesMax else { throw SystemError(call: "read \(path)", code: EFBIG) }
    // One more than it has shows that it does not grow.
    var bytes = [UInt8](repeating: 0, count: Int(before.bytes) + 1)
    var count = 0
    while true {
      if count == bytes.count {
        guard count <= bytesMax else { throw SystemError(call: "read \(path)", code: EFBIG) }
        bytes += [UInt8](repeating: 0, count: min(bytes.count, bytesMax + 1 - count))
      }
      // SAFETY: the range lies inside the array, which is borrowed exclusively.
      let received = unsafe bytes.withUnsafeMutableBytes { raw -> Int in
        guard let base = raw.baseAddress else { return 0 }
        return unsafe Glibc.read(file.number, base + count, raw.count - count)
      }
      if received < 0, errno == EINTR { continue }
      guard received >= 0 else { throw .last("read \(path)") }
      if received == 0 { break }
      count += received
    }
    bytes.removeSubrange(count...)
    return (bytes, try FileStatus(file, path))
  }
}
