import Synchronization

/// Counts the requests of a provider that are worked on: so many senders who have shown nothing may not wait for each
/// other without end.
final class RequestsUnderWay: Sendable {
  private let count = Atomic<Int>(0)
  private let most: Int

  init(most: Int = Limits.requestsMax) { self.most = most }

  /// Whether one more may begin; then it ends with `leave`.
  func enter() -> Bool {
    if count.add(1, ordering: .relaxed).newValue <= most { return true }
    leave()
    return false
  }

  func leave() { count.subtract(1, ordering: .relaxed) }
}
