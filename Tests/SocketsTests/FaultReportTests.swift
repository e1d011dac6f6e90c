import Sockets
import Testing

/// A report, and the second at which it is asked.
private final class Said {
  private var report: FaultReport

  init(pause: Duration = FaultReport.pause) { report = FaultReport(pause: pause) }

  private func second(_ seconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: seconds * 1_000_000_000) }

  func failed(_ seconds: Int64) -> Int? { report.failed(at: second(seconds)) }
  func happened(_ seconds: Int64) -> Int? { report.happened(at: second(seconds)) }
  func leftOut(_ seconds: Int64) -> Int? { report.leftOut(at: second(seconds)) }
  func succeeded() -> Bool { report.succeeded() }
}

@Suite("What is said of a fault")
struct FaultReportTests {
  @Test("One that lasts has a line when it begins and one when it ends, however long it lasts")
  func lasting() {
    let said = Said()
    #expect(!said.succeeded())
    #expect(said.failed(100) == 1)
    for later: Int64 in [101, 160, 10_000] { #expect(said.failed(later) == nil) }
    #expect(said.succeeded())
    #expect(!said.succeeded())
  }

  @Test("One that comes and goes is said once a minute, with how often it came")
  func flapping() {
    let said = Said()
    var counts: [Int] = []
    var ends = 0
    for time: Int64 in 0..<180 {
      if let count = said.failed(time) { counts.append(count) }
      if said.succeeded() { ends += 1 }
    }
    #expect(counts == [1, 60, 60])
    #expect(ends == 3)
  }

  @Test("One that begins too soon to be said, and lasts, is said when the minute is over")
  func unsaid() {
    let said = Said()
    #expect(said.failed(0) == 1)
    #expect(said.succeeded())
    // It came, went unsaid, and came again to stay.
    #expect(said.failed(10) == nil)
    #expect(!said.succeeded())
    #expect(said.failed(20) == nil)
    #expect(said.failed(59) == nil)
    #expect(said.failed(60) == 2)
    #expect(said.succeeded())
  }

  @Test("Ones that have no end are said once in a pause, with their number")
  func endless() {
    let said = Said(pause: .seconds(10))
    let counts = (0..<25).map { said.happened($0) }
    #expect(
      counts.enumerated().compactMap { index, count in count.map { [index, $0] } } == [[0, 1], [10, 10], [20, 10]])
  }

  @Test("What was left out of them is said once the pause is over, also where no other comes")
  func leftOut() {
    let said = Said(pause: .seconds(10))
    #expect(said.leftOut(0) == nil)
    #expect(said.happened(0) == 1)
    #expect(said.leftOut(20) == nil)
    for time: Int64 in 31...35 { #expect((said.happened(time) == 1) == (time == 31)) }
    #expect(said.leftOut(40) == nil)
    #expect(said.leftOut(41) == 4)
    #expect(said.leftOut(42) == nil)
    // It was a line too.
    #expect(said.happened(42) == nil)
    #expect(said.leftOut(51) == 1)
  }
}
