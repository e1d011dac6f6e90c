import HTTP
import Sockets

/// Where passwords are checked: slow on purpose, so on threads of their own, as many as leave half of the cores to
/// traffic, no more of it than can be done soon, and no more for one address than leaves room for others
/// (SECURITY C-11).
public final class PasswordWork: Sendable {
  private let threads: BackgroundThreads
  /// What waits and what runs.
  private let pending: SharesUnderWay<IPAddress>

  /// - Parameter width: Pieces that run at the same time.
  public init(width: Int) {
    let width = max(1, width)
    threads = BackgroundThreads(name: "passwords", count: width)
    pending = SharesUnderWay(most: width + Limits.passwordsWaitingMax, share: Limits.addressPasswordsMax)
  }

  enum Turn { case inTime, late }

  /// Whether nothing more would be taken now. Waits for nobody, so that a loop may ask: no, where it cannot tell.
  func isFull(for client: IPAddress?) -> Bool { pending.isFull(for: client?.counted) }

  /// How long something waits at most: whoever asked is answered within 5 s.
  private static let waitMax: Duration = .seconds(3)

  /// Has `work` done soon; false where too much waits already, of all or of this client.
  ///
  /// - Parameters:
  ///   - client: nil: of a unix socket, which is counted with all alone.
  ///   - work: Told whether its turn came too late for anybody to wait for it.
  func submit(for client: IPAddress?, _ work: @escaping @Sendable (Turn) -> Void) -> Bool {
    let sender = client?.counted
    guard pending.enter(sender) else { return false }
    let submittedAt = MonotonicTime.current
    threads.async { [self] in
      work(.current - submittedAt < PasswordWork.waitMax ? .inTime : .late)
      pending.leave(sender)
    }
    return true
  }
}
