import Access
import Testing

@Suite("Rate limits")
struct RateLimitTests {
  private static let second: Int64 = 1_000_000_000

  /// How many of `count` requests that come at `now` are let through, and the wait of the last one that is not.
  private func send(
    _ count: Int, _ limit: RateLimit, _ moment: inout RateLimit.Moment?, now: Int64
  ) -> (allowed: Int, wait: Int64?) {
    var allowed = 0
    var wait: Int64?
    for _ in 0..<count {
      switch limit.evaluate(moment, now: now) {
      case .allowed(let next):
        moment = next
        allowed += 1
      case .refused(let time): wait = time
      }
    }
    return (allowed, wait)
  }

  struct Row: Sendable, CustomTestStringConvertible {
    let count: Int64
    let period: Int64
    let burst: Int64
    var testDescription: String { "\(count)/\(period)s, burst \(burst)" }
    var limit: RateLimit { RateLimit(by: .client, count: count, periodSeconds: period, burst: burst) }
  }

  @Test(
    "A burst passes exactly, then one for each share of the period; a rest gives the burst back, and no more",
    arguments: [
      Row(count: 10, period: 1, burst: 20), Row(count: 1, period: 1, burst: 1), Row(count: 3, period: 1, burst: 5),
      Row(count: 100, period: 60, burst: 7), Row(count: 1, period: 3600, burst: 2),
      Row(count: 7, period: 3600, burst: 1),
      Row(count: 1_000_000, period: 1, burst: 1000), Row(count: 1000, period: 3600, burst: 1000),
    ])
  func shape(_ row: Row) {
    let limit = row.limit
    let start = 5 * Self.second
    var moment: RateLimit.Moment?
    let burst = Int(row.burst)
    #expect(send(burst + 3, limit, &moment, now: start) == (burst, limit.interval))
    // A nanosecond early is early.
    #expect(send(1, limit, &moment, now: start + limit.interval - 1) == (0, 1))
    #expect(send(3, limit, &moment, now: start + limit.interval).allowed == 1)
    if burst > 2 { #expect(send(9, limit, &moment, now: start + 3 * limit.interval).allowed == 2) }
    let rested = start + (row.burst + 4) * limit.interval
    #expect(send(burst + 3, limit, &moment, now: rested).allowed == burst)
    #expect(send(burst + 3, limit, &moment, now: rested + 1000 * row.burst * limit.interval).allowed == burst)
  }

  @Test("Over a long time no more pass than the rate and one burst")
  func steady() {
    let limit = RateLimit(by: .subject, count: 10, periodSeconds: 1, burst: 20)
    var moment: RateLimit.Moment?
    var allowed = 0
    for millisecond in 0..<10_000 { allowed += send(1, limit, &moment, now: Int64(millisecond) * 1_000_000).allowed }
    #expect(allowed == 20 + 99)
  }

  @Test("A share of time is rounded up, a window too")
  func rounding() {
    #expect(RateLimit(by: .client, count: 7, periodSeconds: 3600, burst: 1).interval == 514_285_714_286)
    #expect(RateLimit(by: .client, count: 3, periodSeconds: 1, burst: 1).windowSeconds == 1)
    #expect(RateLimit(by: .client, count: 10, periodSeconds: 1, burst: 20).windowSeconds == 2)
    #expect(RateLimit(by: .client, count: 10, periodSeconds: 1, burst: 21).windowSeconds == 3)
    #expect(RateLimit(by: .client, count: 1, periodSeconds: 3600, burst: 1_000_000).windowSeconds == 3_600_000_000)
  }

  @Test("No number overflows, neither in time nor in the limit", arguments: [Int64.min, -1, 0, 1, .max - 1, .max])
  func extremes(number: Int64) {
    for (count, period, burst) in [(number, 1, 1), (1, number, 1), (1, 1, number), (1, .max, .max), (.max, 1, .max)] {
      let limit = RateLimit(by: .client, count: count, periodSeconds: period, burst: burst)
      #expect(limit.interval >= 1 && limit.burst >= 1)
      for now in [0, 1, Int64.max - 1, .max] {
        for moment in [nil, Int64.min, 0, .max - 1, .max] {
          switch limit.evaluate(moment.map { .init(nanoseconds: $0) }, now: now) {
          case .allowed(let next): #expect(next.nanoseconds >= now)
          case .refused(let wait): #expect(wait >= 1)
          }
        }
      }
    }
  }
}
