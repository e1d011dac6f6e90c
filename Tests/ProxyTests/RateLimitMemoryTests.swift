import Access
import Sockets
import Testing

@testable import Proxy

@Suite("What rate limits remember")
struct RateLimitMemoryTests {
  private static let limit = RateLimit(by: .client, count: 1, periodSeconds: 1, burst: 2)

  private func isAllowed(_ verdict: RateLimit.Verdict) -> Bool { if case .allowed = verdict { true } else { false } }

  @Test("Each sender is counted alone, by loops together")
  func senders() {
    let memory = RateLimitMemory(sendersMax: 4096)
    let now = MonotonicTime(nanoseconds: 1_000_000_000)
    for sender in ["a", "b", "c"].map({ Array($0.utf8) }) {
      let verdicts = (0..<4).map { _ in isAllowed(memory.count(sender.span, Self.limit, now: now)) }
      #expect(verdicts == [true, true, false, false])
    }
    #expect(isAllowed(memory.count(Array("a".utf8).span, Self.limit, now: now + .seconds(1))))
  }

  @Test("Where there is no room, the one is forgotten who is nearest to a whole burst")
  func eviction() {
    var table = RateTable(capacity: 8)
    let second: Int64 = 1_000_000_000
    // The first spends one, seven others two.
    _ = table.count(high: 1, low: 1, Self.limit, now: second)
    for sender: UInt64 in 2...8 { for _ in 0..<2 { _ = table.count(high: sender, low: 1, Self.limit, now: second) } }
    #expect(isAllowed(table.count(high: 9, low: 1, Self.limit, now: second)))
    for sender: UInt64 in 2...8 { #expect(!isAllowed(table.count(high: sender, low: 1, Self.limit, now: second))) }
  }

  @Test("What may send a whole burst again leaves its place to others")
  func expiry() {
    var table = RateTable(capacity: 8)
    let second: Int64 = 1_000_000_000
    for sender: UInt64 in 1...8 { for _ in 0..<2 { _ = table.count(high: sender, low: 1, Self.limit, now: second) } }
    for sender: UInt64 in 11...18 {
      for _ in 0..<2 { #expect(isAllowed(table.count(high: sender, low: 1, Self.limit, now: 4 * second))) }
    }
    for sender: UInt64 in 11...18 {
      #expect(!isAllowed(table.count(high: sender, low: 1, Self.limit, now: 4 * second)))
    }
  }

  @Test("A sender whose hash is nothing is one like others")
  func zero() {
    var table = RateTable(capacity: 1)
    let verdicts = (0..<3).map { _ in isAllowed(table.count(high: 0, low: 0, Self.limit, now: 5)) }
    #expect(verdicts == [true, true, false])
  }

  @Test("Any number of senders takes no more memory than there is")
  func flood() {
    let memory = RateLimitMemory(sendersMax: 1024)
    var allowed = 0
    for number in 0..<20_000 {
      let sender = Array("\(number)".utf8)
      if isAllowed(memory.count(sender.span, Self.limit, now: MonotonicTime(nanoseconds: 1))) { allowed += 1 }
    }
    #expect(allowed == 20_000)
  }
}
