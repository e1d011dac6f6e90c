import HTTP
import Synchronization

/// Counts what is under way, in all and by who sent it: none of them may take the room of all others (SECURITY C-11).
final class SharesUnderWay<Sender: Hashable & Sendable>: Sendable {
  private struct Counts {
    var all = 0
    /// None is zero, so there are no more of them than are under way.
    var bySender: [Sender: Int] = [:]
  }

  private let counts = Mutex(Counts())
  private let most: Int
  private let share: Int

  /// - Parameters:
  ///   - most: Under way in all.
  ///   - share: Of one sender.
  init(most: Int, share: Int) {
    self.most = most
    self.share = share
  }

  /// Whether one more may begin; then it ends with `leave`.
  ///
  /// - Parameter sender: nil: counted in all alone.
  func enter(_ sender: Sender?) -> Bool {
    counts.withLock { counts in
      guard hasRoom(counts, sender) else { return false }
      if let sender { counts.bySender[sender, default: 0] += 1 }
      counts.all += 1
      return true
    }
  }

  /// Whether nothing more of `sender` may begin now. Waits for nobody, so that a loop may ask: no, where it cannot tell.
  func isFull(for sender: Sender?) -> Bool { counts.withLockIfAvailable { !hasRoom($0, sender) } ?? false }

  private func hasRoom(_ counts: Counts, _ sender: Sender?) -> Bool {
    counts.all < most && (sender.map { counts.bySender[$0, default: 0] < share } ?? true)
  }

  func leave(_ sender: Sender?) {
    counts.withLock { counts in
      counts.all -= 1
      guard let sender, let count = counts.bySender[sender] else { return }
      counts.bySender[sender] = count > 1 ? count - 1 : nil
    }
  }
}
