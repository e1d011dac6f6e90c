import Configuration
import Sockets
import Synchronization
import Tokens

/// Looks whether a users file has changed. Blocks: for a queue of its own.
final class UsersWatcher: Sendable {
  /// How the file was found last.
  private struct Seen {
    var status: FileStatus?
    var fault: String?
    /// Whether it may be good the next time although it looks the same: its bytes could not be had.
    var mayPass = false
  }

  /// nil: not looked at yet.
  private let seen = Mutex<Seen?>(nil)
  private let load: @Sendable (String) -> Result<UsersFile, Diagnostics>

  /// - Parameter load: Reads the file at a path.
  init(load: @escaping @Sendable (String) -> Result<UsersFile, Diagnostics> = { UsersFile.load(path: $0) }) {
    self.load = load
  }

  /// Why the file cannot be used, as it was found last; nil: it can.
  var fault: String? { seen.withLock { $0?.fault } }

  /// Reads the file where it has changed, or where its bytes could not be had last time: a disk or a limit may have been
  /// the reason, which no change of the file tells the end of.
  ///
  /// - Parameters:
  ///   - allowsDemo: Whether all listeners are on loopback (SECURITY A-5).
  ///   - report: Given what an operator should hear: a fault once, as long as the file stays the same.
  /// - Returns: The users, where they are to be taken; nil: those in force stay.
  func look(path: String, allowsDemo: Bool, report: (SignInEvent) -> Void) -> UsersFile? {
    let before = seen.withLock { $0 }
    var now = Seen(status: try? FileStatus(path: path))
    if let before, before.status == now.status, !before.mayPass { return nil }
    var found: UsersFile?
    switch load(path) {
    case .failure(let faults):
      now.fault = faults.list.first?.description ?? path
      now.mayPass = faults.list.allSatisfy { $0.position == nil }
    case .success(let users) where users.isDemo && !allowsDemo:
      now.fault = "\(path): a demo users file, and a listener that is not on loopback"
    case .success(let users): found = users
    }
    seen.withLock { [now] in $0 = now }
    if let fault = now.fault, before == nil || before?.status != now.status || before?.fault != fault {
      report(.usersUnusable(fault))
    }
    // What was read with the configuration is read once more, as it may have changed meanwhile.
    if let found, before != nil {
      report(.usersChanged(path: path, users: found.users.count, clients: found.clients.count))
    }
    return found
  }
}

extension SignInService {
  /// Looks at the users file, and takes what it says. Blocks.
  ///
  /// - Parameter allowsDemo: Whether all listeners are on loopback.
  public func lookAtUsers(allowsDemo: Bool) {
    let path = configuration.users.path
    state.looking.withLock { _ in
      // A reload may have named another file since.
      guard state.users.path.isSameBytes(as: path) else { return }
      if let users = state.watcher.look(path: path, allowsDemo: allowsDemo, report: report) { state.users = users }
    }
  }
}
