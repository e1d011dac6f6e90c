import HTTP
import Synchronization

/// Counts the codes of a provider that are being redeemed, or the sessions that are looked up, in all and by address: one
/// address may not take the room of all others (SECURITY C-11).
final class UnderWayByAddress: Sendable {
  private struct Counts {
    var all = 0
    /// None is zero, so there are no more of them than are under way.
    var byAddress: [IPAddress: Int] = [:]
  }

  private let counts = Mutex(Counts())
  private let most: Int
  private let ofAddressMost: Int

  init(most: Int, ofAddress: Int) {
    self.most = most
    ofAddressMost = ofAddress
  }

  /// Whether one more may begin; then it ends with `leave`.
  func enter(_ attempt: LoginThrottle.Attempt) -> Bool {
    counts.withLock { counts in
      guard counts.all < most else { return false }
      if let address = attempt.address {
        let count = counts.byAddress[address, default: 0]
        guard count < ofAddressMost else { return false }
        counts.byAddress[address] = count + 1
      }
      counts.all += 1
      return true
    }
  }

  func leave(_ attempt: LoginThrottle.Attempt) {
    counts.withLock { counts in
      counts.all -= 1
      guard let address = attempt.address, let count = counts.byAddress[address] else { return }
      counts.byAddress[address] = count > 1 ? count - 1 : nil
    }
  }
}
