import Access
import Sockets
import Synchronization

/// The state of enforcing the `try` of a route or a provider for a share of senders, shared by all loops. A reload that
/// does not change the `try` keeps it.
final class EnforcementRamp: Sendable {
  private let budget: EnforcementBudget
  private let windowBegan = Atomic<Int64>(0)
  private let requests = Atomic<Int>(0)
  private let refused = Atomic<Int>(0)
  /// Hashes of the senders refused in the window, at most `EnforcementBudget.sendersMin`.
  private let senders = Mutex<[Int]>([])
  private let stopped = Atomic<Bool>(false)

  init(_ budget: EnforcementBudget) { self.budget = budget }

  /// Whether enforcement has stopped.
  var isStopped: Bool { stopped.load(ordering: .relaxed) }

  /// The counts of the window in which enforcement stopped.
  struct Stop: Equatable {
    let refused: Int
    let requests: Int
  }

  /// Counts a decided request of a known sender: no others may influence what is enforced.
  ///
  /// - Parameter refused: The sender, if `try` refused the request; nil if it passed.
  /// - Returns: The counts, if this request stopped enforcement, which happens once; otherwise nil.
  func count(refused sender: String?, now: MonotonicTime) -> Stop? {
    let began = windowBegan.load(ordering: .relaxed)
    if began == 0 || now.nanoseconds - began >= budget.windowSeconds * 1_000_000_000,
      windowBegan.compareExchange(expected: began, desired: now.nanoseconds, ordering: .relaxed).exchanged
    {
      // In this order: a loop that sees the new counts sees none of the earlier senders.
      senders.withLock { $0.removeAll(keepingCapacity: true) }
      refused.store(0, ordering: .releasing)
      requests.store(0, ordering: .releasing)
    }
    let requests = requests.wrappingAdd(1, ordering: .relaxed).newValue
    guard let sender else { return nil }
    let refused = refused.wrappingAdd(1, ordering: .relaxed).newValue
    let people = senders.withLock { senders in
      let hash = sender.hashValue
      if senders.count < EnforcementBudget.sendersMin, !senders.contains(hash) { senders.append(hash) }
      return senders.count
    }
    guard budget.isSpent(refused: refused, of: requests, byPeople: people) else { return nil }
    if stopped.exchange(true, ordering: .relaxed) { return nil }
    return Stop(refused: refused, requests: requests)
  }
}
