import Dispatch
import Synchronization
import Testing

@testable import Proxy

private func turn(_ number: Int, worker: Int = 0) -> ConnectionLimit.Turn {
  ConnectionLimit.Turn(worker: worker, slot: number, exchange: 1)
}

@Suite("max_connections")
struct ConnectionLimitTests {
  @Test("So many are let in, so many wait, and no more")
  func bounds() {
    let limit = ConnectionLimit(2, queueMax: 2)
    #expect((0..<6).map { limit.enter(turn($0)) } == [.admitted, .admitted, .waits, .waits, .full, .full])
    #expect(limit.requestsInFlight == 2 && limit.requestsWaiting == 2)
  }

  @Test("Without a queue nobody waits")
  func noQueue() {
    let limit = ConnectionLimit(1, queueMax: 0)
    #expect((0..<2).map { limit.enter(turn($0)) } == [.admitted, .full])
    #expect(limit.leave() == nil)
    #expect(limit.enter(turn(2)) == .admitted)
  }

  @Test("Who came first is let in first, whatever the loop")
  func order() {
    let limit = ConnectionLimit(1, queueMax: 10)
    #expect(limit.enter(turn(0)) == .admitted)
    for number in 1...4 { #expect(limit.enter(turn(number, worker: number % 2)) == .waits) }
    for number in 1...4 { #expect(limit.leave() == turn(number, worker: number % 2)) }
    #expect(limit.requestsInFlight == 1)
    #expect(limit.leave() == nil && limit.requestsInFlight == 0)
  }

  @Test("Who goes is not let in")
  func cancel() {
    let limit = ConnectionLimit(1, queueMax: 2)
    #expect((0..<3).map { limit.enter(turn($0)) } == [.admitted, .waits, .waits])
    limit.cancel(turn(1))
    #expect(limit.enter(turn(3)) == .waits)
    // It is there no more.
    limit.cancel(turn(1))
    #expect(limit.leave() == turn(2))
    #expect(limit.leave() == turn(3))
    #expect(limit.leave() == nil && limit.requestsInFlight == 0 && limit.requestsWaiting == 0)
  }

  @Test("Other bounds count what is in flight and who waits")
  func change() {
    let limit = ConnectionLimit(2, queueMax: 3)
    #expect((0..<4).map { limit.enter(turn($0)) } == [.admitted, .admitted, .waits, .waits])
    limit.change(1, queueMax: 2)
    #expect(limit.admitNext() == nil && limit.enter(turn(4)) == .full)
    #expect(limit.leave() == nil && limit.requestsInFlight == 1)
    limit.change(3, queueMax: 0)
    #expect([limit.admitNext(), limit.admitNext(), limit.admitNext()] == [turn(2), turn(3), nil])
    #expect(limit.requestsInFlight == 3 && limit.enter(turn(5)) == .full)
  }

  @Test("Under load of many threads the bound holds, and nobody is forgotten")
  func threads() {
    let limit = ConnectionLimit(3, queueMax: 64)
    let inside = Atomic<Int>(0)
    let most = Atomic<Int>(0)
    let done = Atomic<Int>(0)
    let refused = Atomic<Int>(0)
    @Sendable func hold() {
      let now = inside.add(1, ordering: .sequentiallyConsistent).newValue
      most.max(now, ordering: .sequentiallyConsistent)
      inside.subtract(1, ordering: .sequentiallyConsistent)
      done.add(1, ordering: .relaxed)
    }
    // Who is let in does its work and lets in the next, as loops do.
    DispatchQueue.concurrentPerform(iterations: 8) { worker in
      for number in 0..<5000 {
        switch limit.enter(turn(number, worker: worker)) {
        case .admitted:
          hold()
          while limit.leave() != nil { hold() }
        case .waits: break
        case .full: refused.add(1, ordering: .relaxed)
        }
      }
    }
    #expect(most.load(ordering: .relaxed) <= 3)
    #expect(limit.requestsInFlight == 0 && limit.requestsWaiting == 0)
    #expect(done.load(ordering: .relaxed) + refused.load(ordering: .relaxed) == 40_000)
  }
}
