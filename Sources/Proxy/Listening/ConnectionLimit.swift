import Synchronization

/// `max_connections` of an upstream: the number of requests in flight over all loops together, and the queue of those
/// that wait for one of them to end.
///
/// Admission takes no lock while the queue is empty. The requests of all loops wait in one FIFO queue; each request
/// that ends admits the first of it, so that none is overtaken.
final class ConnectionLimit: Sendable {
  /// A request that waits; a turn of an earlier exchange of its slot is passed on.
  typealias Turn = ExchangePlace

  enum Admission: Equatable { case admitted, waits, full }

  private let most: Atomic<Int>
  private let queueMax: Atomic<Int>
  private let inFlight = Atomic<Int>(0)
  /// How many stand in the row, or are about to.
  private let waiting = Atomic<Int>(0)
  private let row = Mutex<[Turn]>([])

  init(_ most: Int, queueMax: Int) {
    self.most = Atomic(most)
    self.queueMax = Atomic(queueMax)
  }

  /// Takes other bounds, those of a reload. Who is let in or waits already stays so; `admitNext` has to be called until
  /// it is nil.
  func change(_ most: Int, queueMax: Int) {
    self.most.store(most, ordering: .relaxed)
    self.queueMax.store(queueMax, ordering: .relaxed)
  }

  /// Lets a request in, or has it wait where there is room.
  func enter(_ turn: Turn) -> Admission {
    if waiting.load(ordering: .relaxed) == 0, take() { return .admitted }
    let queueMax = queueMax.load(ordering: .relaxed)
    guard queueMax > 0 else { return .full }
    return row.withLock { row in
      // Counted before the last look: who leaves at this moment has either made room by then, or sees that one waits.
      waiting.add(1, ordering: .sequentiallyConsistent)
      if row.isEmpty, take() {
        waiting.subtract(1, ordering: .sequentiallyConsistent)
        return .admitted
      }
      guard row.count < queueMax else {
        waiting.subtract(1, ordering: .sequentiallyConsistent)
        return .full
      }
      row.append(turn)
      return .waits
    }
  }

  /// A request that was let in is over.
  ///
  /// - Returns: Who is let in instead, and has to be told.
  func leave() -> Turn? {
    inFlight.subtract(1, ordering: .sequentiallyConsistent)
    return admitNext()
  }

  /// Lets the first of those who wait in, where there is room.
  ///
  /// - Returns: Who has to be told.
  func admitNext() -> Turn? {
    guard waiting.load(ordering: .sequentiallyConsistent) > 0 else { return nil }
    return row.withLock { row in
      guard !row.isEmpty, take() else { return nil }
      waiting.subtract(1, ordering: .sequentiallyConsistent)
      return row.removeFirst()
    }
  }

  /// Takes a request that waits out of the row. One that is not there has been let in already, and is told.
  func cancel(_ turn: Turn) {
    row.withLock { row in
      guard let index = row.firstIndex(of: turn) else { return }
      row.remove(at: index)
      waiting.subtract(1, ordering: .sequentiallyConsistent)
    }
  }

  /// Never more than `most`, not for a moment: one more would be one too many for the server.
  private func take() -> Bool {
    let most = most.load(ordering: .relaxed)
    var current = inFlight.load(ordering: .sequentiallyConsistent)
    while current < most {
      let (exchanged, original) = inFlight.compareExchange(
        expected: current, desired: current + 1, ordering: .sequentiallyConsistent)
      if exchanged { return true }
      current = original
    }
    return false
  }

  var requestsInFlight: Int { inFlight.load(ordering: .relaxed) }
  var requestsWaiting: Int { waiting.load(ordering: .relaxed) }
}
