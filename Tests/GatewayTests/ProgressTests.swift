import Sockets
import Testing

@testable import Gateway

private func at(_ seconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: seconds * 1_000_000_000) }

@Suite("What goes on, and who waits for it")
struct ProgressTests {
  @Test("A reload that is asked for while one goes on has its own order")
  func reload() {
    var progress = ReloadProgress()
    var told: [String] = []
    progress.next.canary = .seconds(60)
    progress.next.isByOperator = true
    progress.next.completions.append { told.append("first: \($0)") }
    progress.begin()
    #expect(progress.current.isByOperator && !progress.next.isByOperator)
    progress.next.completions.append { told.append("second: \($0)") }
    #expect(progress.isGoingOn && progress.current.canary == .seconds(60) && progress.next.canary == nil)
    for completion in progress.current.takeCompletions() { completion(["of the first"]) }
    #expect(told == [#"first: ["of the first"]"#] && progress.current.completions.isEmpty)
    progress.begin()
    #expect(progress.current.canary == nil && !progress.current.isByOperator)
    for completion in progress.current.takeCompletions() { completion([]) }
    #expect(told.last == "second: []" && progress.next.completions.isEmpty)
  }

  @Test("T-16: a revocation is known when the last loop has it, whichever is told first")
  func revocations() {
    var progress = RevocationProgress()
    var known: [UInt64] = []
    let (first, second) = (progress.nextGeneration(), progress.nextGeneration())
    #expect(second > first && first > 0)
    for generation in [first, second] {
      progress.wait(for: generation, loops: 2) { known.append(generation) }
    }
    for generation in [first, second, second] { progress.loopKnows(generation)?() }
    #expect(known == [second])
    progress.loopKnows(first)?()
    #expect(known == [second, first])
    // Nobody waits any more, and for a generation that is none nobody did.
    let nobody = [progress.loopKnows(first), progress.loopKnows(99)]
    #expect(nobody.allSatisfy { $0 == nil })
  }

  @Test("Metrics are exported at once, and then as often as they are asked for")
  func metrics() {
    var progress = ExportProgress()
    let due = [0, 9, 10, 11, 25, 34, 35].filter { progress.metricsAreDue(every: .seconds(10), at: at($0)) }
    #expect(due == [0, 10, 25, 35])
  }

  @Test("An export goes on once; the last loop's spans end it")
  func export() {
    var progress = ExportProgress()
    var begun = [progress.begin(), progress.begin()]
    progress.end()
    begun.append(progress.begin())
    #expect(begun == [true, false, true])
    progress.awaitLoops(2)
    let wasLast = [progress.loopAnswered(), progress.loopAnswered()]
    #expect(wasLast == [false, true])
  }
}

@Suite("What was made of bytes that came before")
struct BytesMemoTests {
  @Test("Made once, for those bytes alone")
  func once() {
    var memo = BytesMemo<String>(places: 1 << 10)
    var made: [String] = []
    for key in ["a", "a", "", "", "b", "b", "b"] {
      let entry = memo.entry(of: Array(key.utf8).span) {
        made.append(key)
        return "of \(key)"
      }
      #expect(entry.value == "of \(key)")
    }
    #expect(made == ["a", "", "b"])
  }

  @Test("In one place alone each takes that of the one before, and none is taken for another")
  func collisions() {
    var memo = BytesMemo<String>(places: 1)
    for key in ["a", "b", "a", "aa", "a"] {
      #expect(memo.entry(of: Array(key.utf8).span) { "of \(key)" }.value == "of \(key)")
    }
  }

  @Test("What is longer than 512 bytes is made anew each time, and takes nobody's place")
  func long() {
    var memo = BytesMemo<Int>(places: 1)
    var made = 0
    func value(_ count: Int) -> Int {
      memo.entry(of: [UInt8](repeating: 7, count: count).span) {
        made += 1
        return made
      }.value
    }
    #expect([value(512), value(512), value(513), value(513), value(512)] == [1, 1, 2, 3, 1])
  }
}
