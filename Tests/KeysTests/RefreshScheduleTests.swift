import Fetch
import Sockets
import Testing
import Tokens

@testable import Keys

@Suite("When keys are fetched again")
struct RefreshScheduleTests {
  struct Row: Sendable {
    let every: Duration
    let freshness: Freshness
    let interval: Duration
  }

  @Test(
    "max-age makes it sooner, down to a minute, and never later than `every`",
    arguments: [
      Row(every: .seconds(600), freshness: .unsaid, interval: .seconds(600)),
      Row(every: .seconds(600), freshness: .notToBeKept, interval: .seconds(600)),
      Row(every: .seconds(600), freshness: .fresh(.seconds(86_400)), interval: .seconds(600)),
      Row(every: .seconds(600), freshness: .fresh(.seconds(601)), interval: .seconds(600)),
      Row(every: .seconds(600), freshness: .fresh(.seconds(300)), interval: .seconds(300)),
      Row(every: .seconds(600), freshness: .fresh(.seconds(59)), interval: .seconds(60)),
      Row(every: .seconds(600), freshness: .fresh(.zero), interval: .seconds(60)),
      Row(every: .seconds(30), freshness: .fresh(.zero), interval: .seconds(30)),
      Row(every: .seconds(30), freshness: .fresh(.seconds(45)), interval: .seconds(30)),
    ])
  func interval(row: Row) {
    #expect(RefreshSchedule.interval(every: row.every, freshness: row.freshness) == row.interval)
  }

  @Test("Before the keys age out, and not always at the same time")
  func jitter() {
    let drawn = (0..<200).map { _ in RefreshSchedule.jittered(.seconds(600)) }
    #expect(drawn.allSatisfy { $0 >= .seconds(540) && $0 <= .seconds(600) })
    #expect(Set(drawn).count > 100)
  }

  @Test("After failures soon, then every five seconds")
  func retry() {
    for (failures, longest) in [(1, 1), (2, 2), (3, 4), (4, 5), (5, 5), (Int.max, 5)] {
      let pause = RefreshSchedule.retry(failures: failures)
      #expect(pause <= .seconds(longest) && pause >= .milliseconds(longest * 750))
    }
  }
}

@Suite("Failures in a row")
struct FailureSeriesTests {
  private static func seconds(_ seconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: seconds * 1_000_000_000) }

  @Test("The first is said, the others with growing gaps, up to an hour")
  func gaps() {
    var series = FailureSeries()
    let said = stride(from: Int64(0), to: 20_000, by: 30).filter { time in
      series.add(.status(500), at: FailureSeriesTests.seconds(time))
    }
    #expect(said == [0, 60, 180, 420, 900, 1860, 3780, 7380, 10_980, 14_580, 18_180])
    #expect(series.count == 667)
    #expect(series.beganAt == FailureSeriesTests.seconds(0))
  }

  @Test("Failures of the way to an issuer are told apart by their words, not by their numbers")
  func words() {
    var series = FailureSeries()
    let texts = ["Failed to connect after 1 ms", "Failed to connect after 20 ms", "Recv failure: Connection reset"]
    let said = texts.enumerated().map {
      series.add(.fetch(.failed($1)), at: FailureSeriesTests.seconds(Int64($0)))
    }
    #expect(said == [true, false, true])
  }

  @Test("Another kind of failure is said at once, but failures that take turns are not")
  func kinds() {
    var series = FailureSeries()
    let faults: [KeyFault] = [
      .status(500), .status(500), .fetch(.failed("Failed to connect after 1 ms")),
      .fetch(.failed("Failed to connect after 2 ms")), .status(500),
    ]
    let first = faults.enumerated().map { series.add($1, at: FailureSeriesTests.seconds(Int64($0))) }
    #expect(first == [true, false, true, false, true])
    let said = (5..<55).count { time in
      series.add(time % 2 == 0 ? .status(500) : .keySet(.malformed), at: FailureSeriesTests.seconds(Int64(time)))
    }
    #expect(said == 3)
  }
}
