import Testing

@testable import Gateway

@Suite("The way of the process to its end")
struct ShutdownTests {
  private struct Row: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let events: [Event]
    /// The step that each event asks for.
    let steps: [Shutdown.Step?]
    let cause: Shutdown.Cause
  }

  private enum Event {
    case terminate, interrupt, delayIsOver, handOver, timeOut, loopDrained, loopCut, exported
  }

  private static let rows = [
    Row(
      testDescription: "once every loop has drained, the rest is exported and the process exits",
      events: [.terminate, .delayIsOver, .loopDrained, .loopDrained, .exported],
      steps: [.announce, .drain, nil, .export, .exit],
      cause: .drained),
    Row(
      testDescription: "a second SIGTERM changes nothing",
      events: [.terminate, .terminate, .delayIsOver, .terminate, .loopDrained, .terminate],
      steps: [.announce, nil, .drain, nil, nil, nil], cause: .drained),
    Row(
      testDescription: "SIGINT skips what is left of the delay, whose end changes nothing any more",
      events: [.terminate, .interrupt, .delayIsOver, .loopCut, .delayIsOver, .loopCut, .delayIsOver],
      steps: [.announce, .cut, nil, nil, nil, .export, nil], cause: .interrupted),
    Row(
      testDescription: "SIGINT drains, cuts, and skips the export",
      events: [.interrupt, .delayIsOver, .interrupt, .loopCut, .loopCut, .interrupt],
      steps: [.announce, .drain, .cut, nil, .export, .exit],
      cause: .interrupted),
    Row(
      testDescription: "while loops cut exchanges, SIGINT does not have them cut again",
      events: [.terminate, .interrupt, .interrupt, .loopCut, .interrupt, .interrupt, .loopCut],
      steps: [.announce, .cut, nil, nil, nil, nil, .export], cause: .interrupted),
    Row(
      testDescription: "the end of timeouts.drain cuts exchanges once",
      events: [.terminate, .delayIsOver, .loopDrained, .timeOut, .loopCut, .timeOut, .loopCut],
      steps: [.announce, .drain, nil, .cut, nil, nil, .export], cause: .timedOut),
    Row(
      testDescription: "the end of timeouts.drain does not cut again what SIGINT has cut",
      events: [.interrupt, .interrupt, .timeOut, .loopCut, .loopCut], steps: [.announce, .cut, nil, nil, .export],
      cause: .interrupted),
    Row(
      testDescription: "SIGINT does not cut again what the end of timeouts.drain has cut",
      events: [.terminate, .timeOut, .interrupt, .loopCut, .loopCut], steps: [.announce, .cut, nil, nil, .export],
      cause: .timedOut),
    Row(
      testDescription: "loops whose exchanges were cut have drained as well: it is exported once",
      events: [.terminate, .interrupt, .loopCut, .loopDrained, .loopDrained, .loopCut, .timeOut],
      steps: [.announce, .cut, nil, nil, .export, nil, nil], cause: .interrupted),
    Row(
      testDescription: "after a handover it drains like after a signal, which may be less patient",
      events: [.handOver, .terminate, .delayIsOver, .interrupt, .loopCut, .loopCut],
      steps: [nil, nil, nil, .cut, nil, .export],
      cause: .interrupted),
    Row(
      testDescription: "a handover keeps its cause while exchanges end",
      events: [.handOver, .terminate, .loopDrained, .loopDrained, .exported], steps: [nil, nil, nil, .export, .exit],
      cause: .handedOver),
    Row(
      testDescription: "it exits once",
      events: [.interrupt, .delayIsOver, .loopDrained, .loopDrained, .interrupt, .exported, .interrupt],
      steps: [.announce, .drain, nil, .export, .exit, nil, nil], cause: .drained),
  ]

  @Test("D-7: each step is taken once, and none before every loop is done with the one before", arguments: rows)
  private func steps(_ row: Row) {
    var shutdown = Shutdown(loops: 2)
    let steps = row.events.map { event -> Shutdown.Step? in
      switch event {
      case .terminate: shutdown.terminate()
      case .interrupt: shutdown.interrupt()
      case .delayIsOver: shutdown.delayIsOver()
      case .handOver:
        if shutdown.handOver() { nil } else { .drain }
      case .timeOut: shutdown.timeOut()
      case .loopDrained: shutdown.loopDrained()
      case .loopCut: shutdown.loopCut()
      case .exported: shutdown.exported()
      }
    }
    #expect(steps == row.steps && shutdown.cause == row.cause)
  }

  @Test("It has begun with the first event, and exchanges have ended when the export begins")
  func progress() {
    var shutdown = Shutdown(loops: 1)
    var seen: [[Bool]] = []
    func look() { seen.append([shutdown.hasBegun, shutdown.exchangesHaveEnded]) }
    look()
    _ = shutdown.terminate()
    look()
    _ = shutdown.interrupt()
    look()
    _ = shutdown.loopCut()
    look()
    #expect(seen == [[false, false], [true, false], [true, false], [true, true]])
    let handedOver = shutdown.handOver()
    #expect(!handedOver)
  }
}
