import Dispatch
import Sockets
import Synchronization

/// Takes program messages to standard error on a thread of its own: a reader that stalls holds up no loop.
///
/// What does not fit is lost, counted, and said when lines flow again.
final class ProgramLogWriter: Sendable {
  private struct State {
    var lines: [String] = []
    var bytes = 0
    var lost = 0
    var isWriting = false
    /// Who waits for the last line to be written.
    var waiting: [DispatchSemaphore] = []
  }

  private let state = Mutex(State())
  private let work = DispatchSemaphore(value: 0)
  private let lostLine: @Sendable (Int) -> String

  /// Some thousand lines.
  private static let bytesMax = 512 * 1024
  private static let flushSeconds = 1.0

  /// - Parameter lostLine: What is said of that many lost lines.
  init(lostLine: @escaping @Sendable (Int) -> String) {
    self.lostLine = lostLine
    BlockingWork.detach(name: "program-log") { [self] in run() }
  }

  /// Adds a line; from anywhere, without waiting.
  func write(_ line: String) {
    let isFirst = state.withLock { state in
      guard state.bytes + line.utf8.count <= ProgramLogWriter.bytesMax else {
        state.lost += 1
        return false
      }
      state.lines.append(line)
      state.bytes += line.utf8.count
      return state.lines.count == 1
    }
    if isFirst { work.signal() }
  }

  /// Waits until all lines are written; a second at most.
  func flush() {
    let flushed = DispatchSemaphore(value: 0)
    let isDone = state.withLock { state in
      if state.lines.isEmpty, !state.isWriting { return true }
      state.waiting.append(flushed)
      return false
    }
    if !isDone { _ = flushed.wait(timeout: .now() + ProgramLogWriter.flushSeconds) }
  }

  private func run() {
    var file = LogFile(.error)
    var lost = 0
    while true {
      work.wait()
      while let (lines, lostBehind) = take() {
        for line in lines where !isWritten(line, &file) { lost += 1 }
        lost += lostBehind
        if lost > 0, isWritten(lostLine(lost), &file) { lost = 0 }
      }
    }
  }

  /// The lines that wait, and how many were lost behind them; nil where nothing is left to do.
  private func take() -> (lines: [String], lost: Int)? {
    state.withLock { state in
      guard !state.lines.isEmpty else {
        state.isWriting = false
        for waiting in state.waiting { waiting.signal() }
        state.waiting = []
        return nil
      }
      let taken = (state.lines, state.lost)
      state.lines = []
      state.bytes = 0
      state.lost = 0
      state.isWriting = true
      return taken
    }
  }

  private func isWritten(_ line: String, _ file: inout LogFile) -> Bool {
    do throws(SystemError) {
      try file.write([UInt8]((line + "\n").utf8).span)
      return true
    } catch {
      // Where nobody reads there is nobody to tell; the count is said to whoever reads next.
      return false
    }
  }
}
