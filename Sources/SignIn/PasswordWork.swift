import Dispatch
import Sockets
import Synchronization

/// Where passwords are checked: slow on purpose, so on queues of its own, as many as leave half of the cores to traffic,
/// and no more of it than can be done soon (SECURITY C-11).
public final class PasswordWork: Sendable {
  private struct State {
    /// What is on each queue, the piece that runs included.
    var load: [Int]
    var total = 0
  }

  private let queues: [SerialQueue]
  private let state: Mutex<State>
  private let totalMax: Int

  /// - Parameter width: Pieces that run at the same time.
  public init(width: Int) {
    let width = max(1, width)
    queues = (0..<width).map { SerialQueue(name: "password-\($0)") }
    state = Mutex(State(load: Array(repeating: 0, count: width)))
    totalMax = width + Limits.passwordsWaitingMax
  }

  enum Turn { case inTime, late }

  /// How long something waits at most: whoever asked is answered within 5 s.
  private static let waitMax: Duration = .seconds(3)

  /// Has `work` done soon; false where too much waits already.
  ///
  /// - Parameter work: Told whether its turn came too late for anybody to wait for it.
  func submit(_ work: @escaping @Sendable (Turn) -> Void) -> Bool {
    let place = state.withLock { state -> Int? in
      guard state.total < totalMax, let place = state.load.indices.min(by: { state.load[$0] < state.load[$1] }) else {
        return nil
      }
      state.load[place] += 1
      state.total += 1
      return place
    }
    guard let place else { return false }
    let submittedAt = MonotonicTime.current
    queues[place].async { [self] in
      work(.current - submittedAt < PasswordWork.waitMax ? .inTime : .late)
      state.withLock { state in
        state.load[place] -= 1
        state.total -= 1
      }
    }
    return true
  }
}
