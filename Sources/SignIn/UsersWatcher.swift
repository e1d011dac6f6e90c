import Configuration
import Sockets
import Synchronization
import Tokens

/// Looks whether a users file has changed. Blocks: for a queue of its own.
final class UsersWatcher: Sendable {
  private struct Seen {
    var status: FileStatus?
    var isFirst = true
  }

  private let seen = Mutex(Seen())

  /// - Parameters:
  ///   - allowsDemo: Whether all listeners are on loopback (SECURITY A-5).
  ///   - report: Given what an operator should hear.
  /// - Returns: The users, where they are to be taken; nil: those in force stay.
  func look(path: String, allowsDemo: Bool, report: (SignInEvent) -> Void) -> UsersFile? {
    let status = try? FileStatus(path: path)
    let isFirst = seen.withLock { seen -> Bool? in
      guard seen.isFirst || seen.status != status else { return nil }
      defer { seen = Seen(status: status, isFirst: false) }
      return seen.isFirst
    }
    guard let isFirst else { return nil }
    switch UsersFile.load(path: path) {
    case .failure(let faults):
      report(.usersUnusable(faults.list.first?.description ?? path))
      return nil
    case .success(let users):
      if users.isDemo, !allowsDemo {
        report(.usersUnusable("\(path): a demo users file, and a listener that is not on loopback"))
        return nil
      }
      // What was read with the configuration is read once more, as it may have changed meanwhile.
      if !isFirst {
        report(.usersChanged(path: path, users: users.users.count, clients: users.clients.count))
      }
      return users
    }
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
