import CSystem
import Glibc

/// Files of the few that the gateway reads and makes beside its configuration: keys. Calls block: for start and reload,
/// or a queue of their own.
public enum FileAccess {
  /// A file's bytes, and who may read it.
  public struct Contents: Sendable {
    /// The whole content.
    public let bytes: [UInt8]
    /// Permission bits, as `chmod` takes them.
    public let mode: UInt32
    /// Whom it belongs to.
    public let owner: FileOwner
    /// Whether it belongs to the user that this process or the gateway runs as, or to root.
    public var isOwnedByUs: Bool { owner.isTrusted }
    /// Whether it belongs to root, and the gateway runs as somebody else.
    public var isLentByRoot: Bool { owner.isLendingRoot }
  }

  /// Reads a regular file of at most `bytesMax` bytes.
  public static func read(_ path: String, bytesMax: Int) throws(SystemError) -> Contents {
    let (bytes, status) = try readWithStatus(path, bytesMax: bytesMax)
    return Contents(bytes: bytes, mode: status.mode, owner: status.owner)
  }

  /// Reads what a command was named: a file, or a pipe, whose other end is waited for. Of at most `bytesMax` bytes.
  public static func readFileOrPipe(_ path: String, bytesMax: Int) throws(SystemError) -> [UInt8] {
    let file = try Descriptor(unsafe csystem_open_blocking(path), call: "open \(path)")
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 64 * 1024)
    while true {
      // SAFETY: the call writes inside the array, which is borrowed exclusively.
      let count = unsafe piece.withUnsafeMutableBytes { raw in
        unsafe Glibc.read(file.number, raw.baseAddress, raw.count)
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .last("read \(path)") }
      if count == 0 { return bytes }
      bytes += piece[..<count]
      guard bytes.count <= bytesMax else { throw SystemError(call: "read \(path)", code: EFBIG) }
    }
  }

  /// How much of a line `forEachLine` gives.
  public enum LineExtent: Sendable {
    case whole
    /// Of a line that is longer, its beginning.
    case cut
  }

  /// Reads a file in pieces, however large it is, line by line.
  ///
  /// - Parameters:
  ///   - bytesMax: Of a line.
  ///   - body: Is given each line, or what fits of it.
  public static func forEachLine(
    of path: String, bytesMax: Int, _ body: (Span<UInt8>, LineExtent) -> Void
  ) throws(SystemError) {
    let file = try Descriptor(unsafe csystem_open_blocking(path), call: "open \(path)")
    var piece = [UInt8](repeating: 0, count: 64 * 1024)
    var line: [UInt8] = []
    var extent = LineExtent.whole
    while true {
      // SAFETY: the call writes inside the array, which is borrowed exclusively.
      let count = unsafe piece.withUnsafeMutableBytes { raw in
        unsafe Glibc.read(file.number, raw.baseAddress, raw.count)
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .last("read \(path)") }
      if count == 0 { break }
      for byte in piece[..<count] {
        guard byte != UInt8(ascii: "\n") else {
          body(line.span, extent)
          line.removeAll(keepingCapacity: true)
          extent = .whole
          continue
        }
        if line.count < bytesMax { line.append(byte) } else { extent = .cut }
      }
    }
    if !line.isEmpty { body(line.span, extent) }
  }

  /// Makes a file that its owner alone may read, with these bytes, on the disk when this returns.
  ///
  /// The superuser makes it for the owner of the folder, who could not read it otherwise.
  ///
  /// Whoever opens it finds all of it, also after a crash: half a key is none.
  ///
  /// - Throws: Where the name is taken too.
  public static func createPrivate(_ path: String, _ bytes: [UInt8]) throws(SystemError) {
    let temporary = "\(path).\(String(UInt64.random(in: 0 ... .max), radix: 36)).tmp"
    let file = try Descriptor(unsafe csystem_create_private(temporary), call: "open \(temporary)")
    // SAFETY: paths are NUL-terminated for each call.
    defer { _ = unsafe unlink(temporary) }
    if geteuid() == 0 { try giveToOwnerOfFolder(file, path) }
    try write(bytes, to: file, temporary)
    guard unsafe link(temporary, path) == 0 else { throw .last("link \(temporary) to \(path)") }
    try synchronizeFolder(of: path)
  }

  private static func giveToOwnerOfFolder(_ file: borrowing Descriptor, _ path: String) throws(SystemError) {
    let folder = folder(of: path)
    var status = stat()
    // SAFETY: the path is NUL-terminated for the call, which writes into `status` alone.
    guard unsafe stat(folder, &status) == 0 else { throw .last("stat \(folder)") }
    guard fchown(file.number, status.st_uid, status.st_gid) == 0 else { throw .last("chown \(path)") }
  }

  static func write(_ bytes: [UInt8], to file: borrowing Descriptor, _ path: String) throws(SystemError) {
    var offset = 0
    while offset < bytes.count {
      // SAFETY: the range lies inside the array, which the call borrows.
      let count = unsafe bytes.withUnsafeBytes { raw -> Int in
        guard let base = raw.baseAddress else { return 0 }
        return unsafe Glibc.write(file.number, base + offset, raw.count - offset)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw .last("write \(path)") }
      offset += count
    }
    guard fsync(file.number) == 0 else { throw .last("fsync \(path)") }
  }

  /// Makes a folder that its owner alone may enter, where there is none: for the gateway's user, where a command of
  /// root's makes it.
  public static func makePrivateFolder(_ path: String) throws(SystemError) {
    // SAFETY: the path is NUL-terminated for the call.
    guard unsafe mkdir(path, 0o700) == 0 else {
      if errno == EEXIST { return }
      throw .last("mkdir \(path)")
    }
    if FileOwner.ofGateway == nil { return }
    try giveToGateway(try Descriptor(unsafe csystem_open_folder(path), call: "open \(path)"), path)
  }

  /// The permission bits of a folder, and whom it belongs to; nil where there is none.
  public static func folderMode(
    _ path: String
  ) throws(SystemError) -> (mode: UInt32, owner: FileOwner, isOwnedByUs: Bool)? {
    var status = stat()
    // SAFETY: the path is NUL-terminated for the call, which writes into `status` alone.
    guard unsafe stat(path, &status) == 0 else {
      if errno == ENOENT { return nil }
      throw .last("stat \(path)")
    }
    guard status.st_mode & S_IFMT == S_IFDIR else { throw SystemError(call: "stat \(path)", code: ENOTDIR) }
    try checkLink(path, to: status)
    let owner = FileOwner(of: status)
    return (status.st_mode & 0o7777, owner, owner.isTrusted)
  }

  /// The names in a folder, sorted.
  public static func names(in path: String) throws(SystemError) -> [String] {
    // SAFETY: the stream is closed below and not used after.
    guard let stream = unsafe opendir(path) else { throw .last("opendir \(path)") }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    // SAFETY: an entry is valid until the next call; its name is NUL-terminated, and copied.
    while let entry = unsafe readdir(stream) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { name in
        unsafe name.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }
}
