import Sockets

/// Where passwords are checked: slow on purpose, so on threads of their own, as many as leave half of the cores to
/// traffic, and no more of it than can be done soon (SECURITY C-11).
public final class PasswordWork: Sendable {
  private let threads: BackgroundThreads
  /// What waits and what runs.
  private let pending: RequestsUnderWay

  /// - Parameter width: Pieces that run at the same time.
  public init(width: Int) {
    let width = max(1, width)
    threads = BackgroundThreads(name: "passwords", count: width)
    pending = RequestsUnderWay(most: width + Limits.passwordsWaitingMax)
  }

  enum Turn { case inTime, late }

  /// Whether nothing more would be taken now.
  var isFull: Bool { pending.isFull }

  /// How long something waits at most: whoever asked is answered within 5 s.
  private static let waitMax: Duration = .seconds(3)

  /// Has `work` done soon; false where too much waits already.
  ///
  /// - Parameter work: Told whether its turn came too late for anybody to wait for it.
  func submit(_ work: @escaping @Sendable (Turn) -> Void) -> Bool {
    guard pending.enter() else { return false }
    let submittedAt = MonotonicTime.current
    threads.async { [self] in
      work(.current - submittedAt < PasswordWork.waitMax ? .inTime : .late)
      pending.leave()
    }
    return true
  }
}
