import Reason
import Testing

@testable import Telemetry

@Suite("Whether more is refused than before")
struct RefusalSharesTests {
  @Test(
    "Above the band of the reason, and with enough requests to tell",
    arguments: [
      // (requests before, refused before, requests since, refused since, whether that is too much)
      (1000, 0, 1000, 0, false), (1000, 0, 1000, 20, false), (1000, 0, 1000, 21, true), (1000, 0, 49, 49, false),
      (49, 0, 1000, 1000, false), (50, 0, 50, 9, false), (50, 0, 50, 25, true), (1000, 500, 1000, 500, false),
      (1000, 500, 1000, 530, false), (1000, 500, 1000, 600, true), (1000, 500, 1000, 100, false),
      (100_000, 100, 100_000, 2000, false), (100_000, 100, 100_000, 2200, true), (50, 50, 100, 100, false),
    ] as [(UInt64, UInt64, UInt64, UInt64, Bool)])
  func band(requestsBefore: UInt64, refusedBefore: UInt64, requests: UInt64, refused: UInt64, isExcess: Bool) {
    let before = RefusalShares(requests: requestsBefore, refusals: [.roleMissing: refusedBefore])
    let excess = RefusalShares(requests: requests, refusals: [.roleMissing: refused]).excess(over: before)
    #expect((excess != nil) == isExcess)
    #expect(excess == nil || excess?.now == Double(refused) / Double(requests))
  }

  @Test("Of several reasons the one that has grown most; one that is new counts from nothing")
  func worst() {
    let before = RefusalShares(requests: 1000, refusals: [.credentialMissing: 300])
    let now = RefusalShares(requests: 1000, refusals: [.credentialMissing: 400, .roleMissing: 250, .scopeMissing: 60])
    #expect(now.excess(over: before) == .init(reason: .roleMissing, before: 0, now: 0.25))
  }

  @Test("What came since a moment, of counters that only grow")
  func since() {
    var counts = RefusalShares(requests: 10, refusals: [.roleMissing: 3])
    let earlier = counts
    counts.add(RefusalShares(requests: 5, refusals: [.roleMissing: 1, .scopeMissing: 2]))
    #expect(counts.since(earlier) == RefusalShares(requests: 5, refusals: [.roleMissing: 1, .scopeMissing: 2]))
    #expect(counts.since(RefusalShares()) == counts)
  }
}
