import Configuration
import Sockets
import Synchronization
import Tokens

/// Looks whether a users file has changed. Blocks: for a queue of its own.
final class UsersWatcher: Sendable {
  private struct Seen {
    var status: FileStatus?
    var isFirst = true
    var fault: String?
  }

  private let seen = Mutex(Seen())

  /// Why the file cannot be used, as it was found last; nil: it can.
  var fault: String? { seen.withLock { $0.fault } }

  /// - Parameters:
  ///   - allowsDemo: Whether all listeners are on loopback (SECURITY A-5).
  ///   - report: Given what an operator should hear.
  /// - Returns: The users, where they are to be taken; nil: those in force stay.
  func look(path: String, allowsDemo: Bool, report: (SignInEvent) -> Void) -> UsersFile? {
    let status = try? FileStatus(path: path)
    let isFirst = seen.withLock { seen -> Bool? in
      guard seen.isFirst || seen.status != status else { return nil }
      seen.status = status
      defer { seen.isFirst = false }
      return seen.isFirst
    }
    guard let isFirst else { return nil }
    var fault: String?
    var found: UsersFile?
    switch UsersFile.load(path: path) {
    case .failure(let faults): fault = faults.list.first?.description ?? path
    case .success(let users) where users.isDemo && !allowsDemo:
      fault = "\(path): a demo users file, and a listener that is not on loopback"
    case .success(let users): found = users
    }
    seen.withLock { $0.fault = fault }
    if let fault { report(.usersUnusable(fault)) }
    // What was read with the configuration is read once more, as it may have changed meanwhile.
    if let found, !isFirst {
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
