import Dispatch
public import Sockets
import Synchronization

/// The thread that writes log lines. Loops only fill their rings; a disk that stalls costs lines, never requests
/// (SECURITY L-4).
public final class LogWriter: Sendable {
  /// What the writer tells about itself.
  public enum Event: Sendable {
    /// So many lines were lost since the last such event: the writer was too far behind, or could not write.
    case dropped(Int)
    /// Writing fails, where it did not before. Lines are lost until `recovered`.
    case failed(SystemError)
    /// Lines can be written again.
    case recovered
    /// The file was opened again by its path.
    case reopened
    /// The file could not be opened again; the old one stays in use.
    case reopenFailed(SystemError)
  }

  private struct State: ~Copyable {
    var file: LogFile
    var rings: [ByteRing] = []
  }

  /// Held by the writer while it writes: nobody waits for it once the loops run.
  private let state: Mutex<State>
  private let isStopping = Atomic<Bool>(false)
  private let reopens = Atomic<Bool>(false)
  private let lost = Atomic<UInt64>(0)
  private let stopped = DispatchSemaphore(value: 0)
  /// Ends the pause: a ring is filling, or there is something else to do.
  private let wanted = DispatchSemaphore(value: 0)
  private let report: @Sendable (Event) -> Void

  /// Long enough that lines are written many at a time: each time costs the loops a turn of the processor.
  private static let pause: DispatchTimeInterval = .milliseconds(100)
  private static let reportEvery: Duration = .seconds(10)

  init(_ file: consuming sending LogFile, report: @escaping @Sendable (Event) -> Void) {
    state = Mutex(State(file: file))
    self.report = report
  }

  /// Lines that were lost since the beginning, also those of which no event has told yet.
  var linesLost: UInt64 { lost.load(ordering: .relaxed) }

  /// Makes a ring whose lines it writes.
  ///
  /// - Parameter capacity: As `ByteRing` has it.
  func makeRing(capacity: Int) -> ByteRing {
    let ring = ByteRing(capacity: capacity, filling: wanted)
    state.withLock { $0.rings.append(ring) }
    return ring
  }

  /// Has the file opened anew, before the next line is written. Waits for nothing.
  func reopen() {
    reopens.store(true, ordering: .releasing)
    wanted.signal()
  }

  func start() {
    BlockingWork.detach(name: "access-log") { [self] in run() }
  }

  func stop() {
    isStopping.store(true, ordering: .releasing)
    wanted.signal()
    _ = stopped.wait(timeout: .now() + 1)
  }

  private func reopenFile() -> Event {
    state.withLock { state in
      do throws(SystemError) {
        try state.file.reopen()
        return .reopened
      } catch {
        return .reopenFailed(error)
      }
    }
  }

  private static func lineEnds(_ bytes: Span<UInt8>) -> Int {
    var count = 0
    for index in bytes.indices where bytes[index] == UInt8(ascii: "\n") { count += 1 }
    return count
  }

  private func run() {
    var dropped = 0
    var hasFailed = false
    var reportedAt = MonotonicTime.current + .seconds(-60)
    while true {
      let isLast = isStopping.load(ordering: .acquiring)
      if reopens.exchange(false, ordering: .acquiringAndReleasing) { report(reopenFile()) }
      var hadLines = false
      var isBehind = false
      var droppedNow = 0
      var failure: SystemError?
      state.withLock { state in
        for ring in state.rings {
          droppedNow += ring.takeDropped()
          let hadSome = ring.drain { bytes, others in
            do throws(SystemError) {
              try state.file.write(bytes, others)
            } catch {
              failure = error
              droppedNow += LogWriter.lineEnds(bytes) + LogWriter.lineEnds(others)
            }
          }
          if hadSome { hadLines = true }
          // What came while these were written may have passed the mark already, and signals no more.
          if ring.isFilling { isBehind = true }
        }
      }
      if droppedNow > 0 {
        dropped += droppedNow
        lost.add(UInt64(droppedNow), ordering: .relaxed)
      }
      if let failure, !hasFailed { report(.failed(failure)) }
      if failure == nil, hasFailed, hadLines { report(.recovered) }
      if hadLines { hasFailed = failure != nil }
      let now = MonotonicTime.current
      if dropped > 0, isLast || now - reportedAt >= LogWriter.reportEvery {
        report(.dropped(dropped))
        dropped = 0
        reportedAt = now
      }
      if isLast, !hadLines { break }
      if !isLast, !isBehind { _ = wanted.wait(timeout: .now() + LogWriter.pause) }
    }
    stopped.signal()
  }
}
