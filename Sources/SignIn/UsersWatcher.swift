import Configuration
import Sockets
import Synchronization
import Tokens

/// Looks whether a users file has changed. Blocks: for a queue of its own.
///
/// A file that has changed is taken once it has rested: one that is written in place may parse before it is complete, and
/// lack what comes last, such as `disabled: true`.
final class UsersWatcher: Sendable {
  /// Whether a file that has changed is complete.
  enum Completeness {
    /// Who changed it says so.
    case known
    /// It may still be written to.
    case assumedAfterRest
  }

  /// How long a file has to stay as it is.
  private let rest: Duration
  /// How often it is looked at before the next look is waited for.
  private static let restsMax = 4

  init(rest: Duration = .milliseconds(200)) { self.rest = rest }

  private struct Seen {
    var status: FileStatus?
    var isFirst = true
  }

  private let seen = Mutex(Seen())

  /// - Parameters:
  ///   - allowsDemo: Whether all listeners are on loopback (SECURITY A-5).
  ///   - completeness: Whether the file has to rest first.
  ///   - report: Given what an operator should hear.
  /// - Returns: The users, where they are to be taken; nil: those in force stay.
  func look(
    path: String, allowsDemo: Bool, _ completeness: Completeness, report: (SignInEvent) -> Void
  ) -> UsersFile? {
    guard let isFirst = change(path: path, completeness) else { return nil }
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

extension UsersWatcher {
  /// Whether the file, which has changed, is looked at for the first time; nil: it has not, or is still written to.
  private func change(path: String, _ completeness: Completeness) -> Bool? {
    let before = seen.withLock { $0 }
    var status = try? FileStatus(path: path)
    guard before.isFirst || before.status != status else { return nil }
    if !before.isFirst, completeness == .assumedAfterRest {
      var rests = 0
      while true {
        BlockingWork.sleep(rest)
        let last = status
        status = try? FileStatus(path: path)
        if status == last { break }
        rests += 1
        guard rests < UsersWatcher.restsMax else { return nil }
      }
    }
    seen.withLock { $0 = Seen(status: status, isFirst: false) }
    return before.isFirst
  }
}

extension SignInService {
  /// Looks at the users file, and takes what it says. Blocks.
  ///
  /// - Parameter allowsDemo: Whether all listeners are on loopback.
  public func lookAtUsers(allowsDemo: Bool) { lookAtUsers(allowsDemo: allowsDemo, .assumedAfterRest) }

  func lookAtUsers(allowsDemo: Bool, _ completeness: UsersWatcher.Completeness) {
    let path = configuration.users.path
    state.looking.withLock { _ in
      // A reload may have named another file since.
      guard state.users.path.isSameBytes(as: path) else { return }
      if let users = state.watcher.look(path: path, allowsDemo: allowsDemo, completeness, report: report) {
        state.users = users
      }
    }
  }
}
