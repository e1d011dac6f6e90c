import Reason
import Sockets
import Testing

@testable import Telemetry

@Suite("What became of requests, lately and ever")
struct RecentTrafficTests {
  private func count(
    _ counts: inout TrafficCounts, _ status: Int, _ reason: Reason? = nil, upstream: Int? = nil, provider: Int = 0
  ) {
    var measure = ExchangeMeasure(
      route: 1, upstream: upstream, status: status, reason: reason, cache: nil, totalMicroseconds: 1,
      firstByteMicroseconds: nil, retries: 0, bytesIn: 0, bytesOut: 0)
    measure.provider = provider
    counts.count(measure)
  }

  @Test("Each request has one verdict; what an upstream answers is its own, and what is answered in its place is not")
  func verdicts() {
    var counts = TrafficCounts()
    count(&counts, 200, upstream: 3)
    count(&counts, 503, upstream: 3)
    count(&counts, 502, .upstreamUnreachable, upstream: 3)
    // It had begun to answer, and was cut.
    count(&counts, 200, .upstreamTruncated, upstream: 3)
    count(&counts, 101, upstream: 1)
    count(&counts, 302)
    count(&counts, 403, .roleMissing, provider: 2)
    count(&counts, 404, .noRoute)
    var sum = counts
    sum.add(counts)
    for (verdicts, times) in [(TrafficVerdicts(counts), 1 as UInt64), (TrafficVerdicts(sum), 2)] {
      #expect(verdicts.requests == 8 * times && verdicts.answered == times)
      #expect((0...5).map { verdicts.forwarded.count(of: $0) } == [0, 1, 1, 0, 0, 1].map { $0 * times })
      #expect(verdicts.refused(by: .upstream) == 2 * times && verdicts.refused(by: .policy) == times)
      #expect(verdicts.upstreamErrors == [3: .init(own: times, refused: times)])
      #expect(verdicts.refusals[TrafficCounts.Refused(route: 1, reason: .roleMissing, provider: 2)] == times)
      let parts = verdicts.forwarded.total + verdicts.answered
      #expect(Blame.allCases.reduce(parts) { $0 + verdicts.refused(by: $1) } == verdicts.requests)
    }
  }

  @Test("What is older than ten minutes is not counted as new, and is forgotten")
  func recent() {
    let start = MonotonicTime(nanoseconds: 5)
    var recent = RecentTraffic(from: start)
    var counts = TrafficCounts()
    count(&counts, 500, upstream: 1)
    var latest = recent.latest(TrafficVerdicts(counts), at: start + .seconds(59))
    #expect(latest.time == .seconds(59) && latest.verdicts.upstreamErrors == [1: .init(own: 1)])
    for minute in 1...100 {
      let now = start + .seconds(60 * minute)
      recent.add(TrafficVerdicts(counts), at: now)
      count(&counts, 403, .roleMissing)
      latest = recent.latest(TrafficVerdicts(counts), at: now)
      #expect(latest.verdicts.requests == UInt64(minute <= 10 ? minute + 1 : 11))
      #expect(latest.time == .seconds(60 * min(minute, 10)))
    }
    #expect(latest.verdicts.upstreamErrors.isEmpty && latest.verdicts.forwarded.total == 0)
    #expect(latest.verdicts.refusals == [TrafficCounts.Refused(route: 1, reason: .roleMissing): 11])
    // Nobody has looked for long: better an old sample than none.
    #expect(recent.latest(TrafficVerdicts(counts), at: start + .seconds(100_000)).verdicts.requests == 1)
  }
}
