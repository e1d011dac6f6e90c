import Configuration
import Reason
import Sockets
import Telemetry
import Testing

@testable import Gateway

private func at(_ seconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: (1000 + seconds) * 1_000_000_000) }

private func shares(_ requests: UInt64, _ refusals: [Reason: UInt64] = [:]) -> RefusalShares {
  RefusalShares(requests: requests, refusals: refusals)
}

@Suite("Whether a configuration on trial is taken back")
struct CanaryTests {
  /// Of 1000 requests before a hundred had no role; the counters stood at 5000 and 600 when it was taken, for a minute.
  private func trial(before: RefusalShares? = shares(1000, [.roleMissing: 100])) throws -> Canary {
    var canary = Canary(previous: try configuration(), endsAt: at(60))
    if let before { canary.comparison = (before, shares(5000, [.roleMissing: 600])) }
    return canary
  }

  struct Row: CustomTestStringConvertible, Sendable {
    let name: String
    var before = shares(1000, [.roleMissing: 100])
    /// Since it was taken.
    let requests: UInt64
    let refusals: [Reason: UInt64]
    var seconds: Int64 = 30
    let expected: Expected
    var testDescription: String { name }

    enum Expected: Sendable {
      case undecided
      case takenBack(Reason)
      case passed(hasCompared: Bool)
    }
  }

  private static let rows = [
    Row(name: "steady load", requests: 1000, refusals: [.roleMissing: 100], expected: .undecided),
    Row(
      name: "steady load to the end", requests: 1000, refusals: [.roleMissing: 100], seconds: 60,
      expected: .passed(hasCompared: true)),
    Row(name: "a second before the end", requests: 1000, refusals: [:], seconds: 59, expected: .undecided),
    Row(name: "a spike", requests: 1000, refusals: [.roleMissing: 300], expected: .takenBack(.roleMissing)),
    Row(
      name: "a spike, seen only at the end", requests: 1000, refusals: [.roleMissing: 300], seconds: 60,
      expected: .takenBack(.roleMissing)),
    Row(
      name: "within what chance does: 138 of 1000 where 100 were before", requests: 1000,
      refusals: [.roleMissing: 138], expected: .undecided),
    Row(name: "above it", requests: 1000, refusals: [.roleMissing: 139], expected: .takenBack(.roleMissing)),
    Row(name: "less is refused", requests: 1000, refusals: [:], seconds: 60, expected: .passed(hasCompared: true)),
    Row(
      name: "a reason that is new", requests: 1000, refusals: [.roleMissing: 100, .scopeMissing: 21],
      expected: .takenBack(.scopeMissing)),
    Row(
      name: "a reason that is new, in the fiftieth that is let pass", requests: 1000,
      refusals: [.roleMissing: 100, .scopeMissing: 20], expected: .undecided),
    Row(
      name: "everything is refused, of too few requests", requests: 49, refusals: [.credentialMissing: 49],
      expected: .undecided),
    Row(
      name: "of too few requests to the end", requests: 49, refusals: [.credentialMissing: 49], seconds: 60,
      expected: .passed(hasCompared: false)),
    Row(
      name: "of just enough", requests: 50, refusals: [.credentialMissing: 50],
      expected: .takenBack(.credentialMissing)),
    Row(
      name: "too few before", before: shares(49), requests: 1000, refusals: [.credentialMissing: 1000], seconds: 60,
      expected: .passed(hasCompared: false)),
    Row(name: "nothing came", requests: 0, refusals: [:], seconds: 60, expected: .passed(hasCompared: false)),
  ]

  @Test("By what is counted since it was taken, and in its time", arguments: rows)
  func verdict(row: Row) throws {
    var counters = shares(5000, [.roleMissing: 600])
    counters.add(shares(row.requests, row.refusals))
    let verdict = try trial(before: row.before).verdict(counters, at: at(row.seconds))
    switch (row.expected, verdict) {
    case (.undecided, .undecided): break
    case (.takenBack(let reason), .refusesMore(let excess)):
      #expect(excess.reason == reason)
      #expect(excess.now == Double(row.refusals[reason] ?? 0) / Double(row.requests))
    case (.passed(let expected), .passed(let since, let hasCompared)):
      #expect(hasCompared == expected && since.requests == row.requests)
    default: Issue.record("\(verdict)")
    }
  }

  @Test("Before all loops have said what there was, nothing is decided: not even that its time is over")
  func nothingToCompare() throws {
    let canary = try trial(before: nil)
    #expect(canary.verdict(shares(9000, [.credentialMissing: 4000]), at: at(600)) == .undecided)
  }
}

@Suite("What a trial is compared with")
struct RecentSharesTests {
  @Test("Since the start, as long as that is less than ten minutes ago")
  func fromStart() {
    var recent = RecentShares(from: at(0))
    #expect(recent.since(shares(7, [.roleMissing: 1])) == shares(7, [.roleMissing: 1]))
    for second in stride(from: Int64(5), through: 600, by: 5) { recent.add(shares(UInt64(second)), at: at(second)) }
    #expect(recent.since(shares(605)) == shares(605))
  }

  @Test("The last ten minutes, and what lies at their beginning")
  func lastTenMinutes() {
    var recent = RecentShares(from: at(0))
    for second in stride(from: Int64(5), through: 3600, by: 5) {
      recent.add(shares(UInt64(second), [.roleMissing: UInt64(second) / 5]), at: at(second))
    }
    #expect(recent.since(shares(3605, [.roleMissing: 721])) == shares(610, [.roleMissing: 122]))
  }

  @Test("Where samples come late there is always one to compare with")
  func gap() {
    var recent = RecentShares(from: at(0))
    recent.add(shares(100), at: at(5))
    recent.add(shares(200), at: at(10_000))
    #expect(recent.since(shares(250)) == shares(150))
  }

  @Test("After a trial that failed: what was before it, until there is enough since")
  func afterFailure() {
    var recent = RecentShares(from: at(0))
    recent.add(shares(1000, [.roleMissing: 10]), at: at(5))
    // In the trial everything was refused.
    let atEnd = shares(1200, [.roleMissing: 10, .credentialMissing: 200])
    let before = shares(1000, [.roleMissing: 10])
    recent.forget(until: atEnd, at: at(60), keeping: before)
    #expect(recent.since(atEnd) == before)
    var now = atEnd
    now.add(shares(49, [.roleMissing: 1]))
    #expect(recent.since(now) == before)
    now.add(shares(1))
    // Nothing is left of what the failed one refused.
    #expect(recent.since(now) == shares(50, [.roleMissing: 1, .credentialMissing: 0]))
  }
}
