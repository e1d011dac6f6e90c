import Glibc

/// The operating system's files made safe: what Configuration has to know of them, and no more.
enum FileSystem {
  /// Why a file could not be used, in the system's words.
  struct Fault: Error, Equatable {
    let message: String
    /// Whether it may be over the next time although nobody has mended anything: a disk, or a lack of descriptors.
    var mayPass = false
  }

  enum Kind: Sendable { case file, folder, other }

  struct Status: Sendable {
    let kind: Kind
    /// Permission bits, as `chmod` takes them.
    let mode: UInt32
    /// Which file it is, whatever its name.
    var identity = Identity()
    var owner = Owner()
    /// Whether it belongs to the user that this process or the gateway runs as, or to root.
    var isOwnedByUs = true
    /// Whether it belongs to root, and the gateway runs as somebody else.
    var isLentByRoot = false

    struct Owner: Sendable, Equatable {
      var user: UInt32 = 0
      var group: UInt32 = 0
    }

    struct Identity: Sendable, Equatable {
      var device: UInt64 = 0
      var number: UInt64 = 0
    }

    /// Whether anyone but owner and group may read, write or run it.
    var isOpenToOthers: Bool { mode & 0o007 != 0 }
    /// Whether nobody but its owner may; where root lends it, the group that it chose may read it, as systems mount
    /// secrets for a service.
    var isPrivate: Bool { mode & 0o077 == 0 || (isLentByRoot && mode & 0o037 == 0) }
  }

  /// Any `gateway.conf` is far smaller; a device that never ends is noticed here.
  static let fileBytesMax = 4 << 20

  /// - Parameter isAgain: Whether it has been read before: then nobody is waited for, and what is neither a file nor a
  ///   folder is refused, as it gives its content once.
  static func read(_ path: String, isAgain: Bool = false) throws(Fault) -> [UInt8] {
    // SAFETY: the path is NUL-terminated for the call.
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | (isAgain ? O_NONBLOCK : 0))
    guard descriptor >= 0 else { throw lastFault() }
    defer { close(descriptor) }
    var status = stat()
    // SAFETY: the call writes only into `status`.
    guard unsafe fstat(descriptor, &status) == 0 else { throw lastFault() }
    guard !isAgain || [S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT) else {
      throw Fault(message: "it is not a regular file, which alone can be read again or watched")
    }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      // SAFETY: the array is borrowed exclusively and its true size is given.
      let count = unsafe chunk.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, $0.count) }
      if count < 0 {
        if errno == EINTR { continue }
        throw lastFault()
      }
      if count == 0 { return bytes }
      bytes += chunk[..<count]
      guard bytes.count <= fileBytesMax else { throw Fault(message: "larger than 4 MiB") }
    }
  }

  /// Whether there is nothing of that name, and nothing else keeps it from being found.
  static func isMissing(_ path: String) -> Bool {
    var found = stat()
    // SAFETY: the path is NUL-terminated for the call, which writes only into `found`.
    return unsafe stat(path, &found) != 0 && errno == ENOENT
  }

  /// - Parameter gatewayUser: The gateway's, where it is known to be another than this process's.
  static func status(_ path: String, gatewayUser: UInt32? = nil) throws(Fault) -> Status {
    var found = stat()
    // SAFETY: the path is NUL-terminated for the call, which writes only into `found`.
    guard unsafe stat(path, &found) == 0 else { throw lastFault() }
    if gatewayUser != nil { try checkLink(path, to: found) }
    let kind: Kind =
      switch found.st_mode & S_IFMT {
      case S_IFREG: .file
      case S_IFDIR: .folder
      default: .other
      }
    return Status(
      kind: kind, mode: found.st_mode & 0o777,
      identity: Status.Identity(device: UInt64(found.st_dev), number: UInt64(found.st_ino)),
      owner: Status.Owner(user: found.st_uid, group: found.st_gid),
      isOwnedByUs: found.st_uid == geteuid() || found.st_uid == 0 || found.st_uid == gatewayUser,
      isLentByRoot: found.st_uid == 0 && (geteuid() != 0 || gatewayUser != nil))
  }

  /// Refuses a link of another user than root to a file that is not that user's own: otherwise the gateway's user could
  /// have root's commands read any file, and quote it.
  private static func checkLink(_ path: String, to found: stat) throws(Fault) {
    var name = stat()
    // SAFETY: the path is NUL-terminated for the call, which writes only into `name`.
    guard unsafe lstat(path, &name) == 0 else { throw lastFault() }
    let isLink = name.st_mode & S_IFMT == S_IFLNK
    guard !isLink || name.st_uid == 0 || name.st_uid == found.st_uid else {
      throw Fault(message: "it is a link of uid \(name.st_uid) to a file of uid \(found.st_uid)")
    }
  }

  private static func lastFault() -> Fault {
    let code = errno
    // SAFETY: strerror of glibc answers with a string that lives as long as the thread makes no further call; copied.
    let text = unsafe strerror(code).map { unsafe String(cString: $0) }
    let mayPass = [EMFILE, ENFILE, ENOMEM, EAGAIN, EINTR, EIO, ESTALE, ETIMEDOUT].contains(code)
    return Fault(message: text ?? "error \(code)", mayPass: mayPass)
  }
}
