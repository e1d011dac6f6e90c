import Access
import Sockets
import Synchronization

/// How it fares that a route, or a provider, enforces for a share what it tries: shared by all loops. A reload that leaves
/// that as it is keeps it.
final class EnforcementRamp: Sendable {
  private let budget: EnforcementBudget
  private let windowBegan = Atomic<Int64>(0)
  private let requests = Atomic<Int>(0)
  private let refused = Atomic<Int>(0)
  /// Hashes of those who were refused in the window, until there are as many as have to be.
  private let senders = Mutex<[Int]>([])
  private let stopped = Atomic<Bool>(false)

  init(_ budget: EnforcementBudget) { self.budget = budget }

  /// Whether the share is enforced no longer.
  var isStopped: Bool { stopped.load(ordering: .relaxed) }

  struct Stop: Equatable {
    let refused: Int
    let requests: Int
  }

  /// Counts a request that was decided, of somebody who is known: nobody else may have a say in what is enforced.
  ///
  /// - Parameter refused: Who was refused for the share; nil: it was let through.
  /// - Returns: What was counted, where this one stops it: once.
  func count(refused sender: String?, now: MonotonicTime) -> Stop? {
    let began = windowBegan.load(ordering: .relaxed)
    if began == 0 || now.nanoseconds - began >= budget.windowSeconds * 1_000_000_000,
      windowBegan.compareExchange(expected: began, desired: now.nanoseconds, ordering: .relaxed).exchanged
    {
      // In this order: who sees the new counts on another loop sees none of the senders before.
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
