import Sockets
import State
import Testing

@testable import SignIn

@Suite("Failures of a store")
struct StoreFaultsTests {
  @Test("They are told together, and the last one is a fault for a minute")
  func counted() {
    let faults = StoreFaults()
    func second(_ seconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: seconds * 1_000_000_000) }
    #expect(faults.recent(at: second(100)) == nil)
    #expect(faults.count(StoreFault("full"), at: second(100)) == 1)
    #expect(faults.count(StoreFault("gone"), at: second(130)) == nil)
    #expect(faults.recent(at: second(189)) == "gone")
    #expect(faults.recent(at: second(190)) == nil)
    #expect(faults.count(StoreFault("full"), at: second(200)) == 2)
  }
}
