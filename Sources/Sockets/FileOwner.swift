import CSystem
import Glibc
import Synchronization

/// Whom a file belongs to.
public struct FileOwner: Sendable, Equatable {
  /// The user's ID.
  public let user: UInt32
  /// The group's ID.
  public let group: UInt32

  /// An owner by IDs, as stat(2) reports them.
  public init(user: UInt32, group: UInt32) {
    self.user = user
    self.group = group
  }

  init(of status: stat) { self.init(user: status.st_uid, group: status.st_gid) }

  /// The user that the gateway runs as, where this process is a command that root runs beside it: what belongs to that
  /// user is as good as root's own. nil: this process is the gateway, or runs as its user.
  public static var ofGateway: FileOwner? {
    get { gateway.withLock { $0 } }
    set { gateway.withLock { $0 = newValue } }
  }
  private static let gateway = Mutex<FileOwner?>(nil)

  /// Whether it is root, the user that this process runs as, or the gateway's.
  var isTrusted: Bool { user == 0 || user == geteuid() || user == FileOwner.ofGateway?.user }

  /// Whether it is root, and the gateway runs as somebody else.
  var isLendingRoot: Bool { user == 0 && (geteuid() != 0 || FileOwner.ofGateway != nil) }

  /// What is said of a file that belongs to nobody of those.
  public var distrust: String {
    if let gateway = FileOwner.ofGateway?.user {
      return
        "belongs to uid \(user), and the gateway's state to uid \(gateway), which must own it: run chown \(gateway)"
    }
    return "belongs to uid \(user). If the gateway runs as that user, run this as it: "
      + "setpriv --reuid=\(user) --regid=\(group) --clear-groups …; if not, give the file to the gateway's user"
  }
}

extension FileAccess {
  /// Refuses what a link of the gateway's user leads to, where it is somebody else's: else that user could have root
  /// open any file for it (as the kernel's fs.protected_symlinks does for /tmp).
  ///
  /// - Parameter status: Of what was opened.
  static func checkLink(_ path: String, to status: stat) throws(SystemError) {
    guard FileOwner.ofGateway != nil else { return }
    var name = stat()
    // SAFETY: the path is NUL-terminated for the call, which writes into `name` alone.
    guard unsafe lstat(path, &name) == 0 else { throw .last("lstat \(path)") }
    let isItself = name.st_dev == status.st_dev && name.st_ino == status.st_ino
    let isLink = name.st_mode & S_IFMT == S_IFLNK
    guard isItself || (isLink && (name.st_uid == 0 || name.st_uid == status.st_uid)) else {
      throw SystemError(call: "open \(path)", code: ELOOP)
    }
  }

  /// Gives what root has made to the gateway's user, where that is another.
  static func giveToGateway(_ file: borrowing Descriptor, _ path: String) throws(SystemError) {
    guard let gateway = FileOwner.ofGateway else { return }
    guard fchown(file.number, gateway.user, gateway.group) == 0 else { throw .last("chown \(path)") }
  }
}
