import Configuration
import Sockets
import Synchronization
import Tokens

/// Looks whether a users file has changed. Blocks: for a queue of its own.
final class UsersWatcher: Sendable {
  /// How the file was found last.
  private struct Seen {
    var status: FileStatus?
    /// Whether it was read with that status.
    var isRead = false
    /// Whether it is worth a word where it can be used: it was read before, or has changed since the first look. What was
    /// read with the configuration is read once more, as it may have changed meanwhile.
    var isNews = false
    var fault: String?
    /// Whether it may be good the next time although it looks the same: its bytes could not be had.
    var mayPass = false
    /// Since when it has changed from look to look; nil: it was the same at two.
    var changesSince: MonotonicTime?
  }

  /// One that is never the same at two looks is read all the same after so long: what it says counts too.
  private static let restAwaited: Duration = .seconds(5)

  /// nil: not looked at yet.
  private let seen = Mutex<Seen?>(nil)
  private let load: @Sendable (String) -> Result<UsersFile, Diagnostics>

  /// - Parameter load: Reads the file at a path.
  init(load: @escaping @Sendable (String) -> Result<UsersFile, Diagnostics> = { UsersFile.load(path: $0) }) {
    self.load = load
  }

  /// Why the file cannot be used, as it was found last; nil: it can.
  var fault: String? { seen.withLock { $0?.fault } }

  /// Reads the file where it has changed and is the same as at the look before, as a user who is missing in what is
  /// half-written would lose all sign-ins; or where its bytes could not be had last time: a disk or a limit may have been
  /// the reason, which no change of the file tells the end of.
  ///
  /// - Parameters:
  ///   - isComplete: Whether nobody is writing it, so that a change is read at once.
  ///   - allowsDemo: Whether all listeners are on loopback (SECURITY A-5).
  ///   - moment: Of the look.
  ///   - report: Given what an operator should hear: a fault once, as long as the file stays the same.
  /// - Returns: The users, where they are to be taken; nil: those in force stay.
  func look(
    path: String, allowsDemo: Bool, isComplete: Bool = false, now moment: MonotonicTime = .current,
    report: (SignInEvent) -> Void
  ) -> UsersFile? {
    let before = seen.withLock { $0 }
    let status = try? FileStatus(path: path)
    let isSame = before.map { $0.status == status } ?? false
    if let before, isSame, before.isRead, !before.mayPass { return nil }
    let isNews = before.map { $0.isNews || !isSame } ?? false
    var now = Seen(status: status, isNews: isNews, fault: before?.fault)
    if !isSame, !isComplete {
      let since = before?.changesSince ?? moment
      if moment < since + UsersWatcher.restAwaited {
        now.changesSince = since
        seen.withLock { [now] in $0 = now }
        return nil
      }
    }
    (now.isRead, now.isNews) = (true, true)
    let found = read(path, allowsDemo: allowsDemo, into: &now)
    seen.withLock { [now] in $0 = now }
    if let fault = now.fault, before?.isRead != true || before?.fault != fault { report(.usersUnusable(fault)) }
    if let found, isNews {
      report(.usersChanged(path: path, users: found.users.count, clients: found.clients.count))
    }
    return found
  }

  /// Whether nobody is likely to be writing it: it has not changed for a second, or nobody knows.
  static func hasRested(path: String) -> Bool {
    let unchanged = (try? FileStatus(path: path))?.unchangedFor(now: WallClock.nanoseconds)
    return unchanged.map { $0 >= .seconds(1) } ?? true
  }

  /// What the file says at this moment, for one decision: it may be half-written, and nothing is taken of it.
  ///
  /// - Returns: nil where it is as it was read last, or cannot be used.
  func current(path: String, allowsDemo: Bool) -> UsersFile? {
    let before = seen.withLock { $0 }
    var now = Seen(status: try? FileStatus(path: path))
    if let before, before.isRead, before.status == now.status, !before.mayPass { return nil }
    return read(path, allowsDemo: allowsDemo, into: &now)
  }

  private func read(_ path: String, allowsDemo: Bool, into seen: inout Seen) -> UsersFile? {
    seen.fault = nil
    switch load(path) {
    case .failure(let faults):
      seen.fault = faults.list.first?.description ?? path
      seen.mayPass = faults.list.allSatisfy { $0.position == nil }
      return nil
    case .success(let users) where users.isDemo && !allowsDemo:
      seen.fault = "\(path): a demo users file, and a listener that is not on loopback"
      return nil
    case .success(let users): return users
    }
  }
}

extension SignInService {
  /// Looks at the users file, and takes what it says. Blocks.
  ///
  /// - Parameter allowsDemo: Whether all listeners are on loopback.
  public func lookAtUsers(allowsDemo: Bool) { lookAtUsers(allowsDemo: allowsDemo, isComplete: false) }

  /// Takes what this process has written: it is complete. Blocks.
  func takeWrittenUsers() { lookAtUsers(allowsDemo: state.users.isDemo, isComplete: true) }

  /// The users of the file as it is at this moment; those in force where it has not changed, or cannot be used. Blocks.
  func usersByNow() -> UsersFile {
    let path = configuration.users.path
    return state.looking.withLock { _ in
      let users = state.users
      guard users.path.isSameBytes(as: path) else { return users }
      return state.watcher.current(path: path, allowsDemo: users.isDemo) ?? users
    }
  }

  private func lookAtUsers(allowsDemo: Bool, isComplete: Bool) {
    let path = configuration.users.path
    state.looking.withLock { _ in
      // A reload may have named another file since.
      guard state.users.path.isSameBytes(as: path) else { return }
      let users = state.watcher.look(path: path, allowsDemo: allowsDemo, isComplete: isComplete, report: report)
      if let users { state.users = users }
    }
  }
}
