public import Sockets
public import State
import Synchronization

/// Counts failures of a store, so that they can be reported together: requests may cause thousands. May be used from
/// any thread.
public final class StoreFaults: Sendable {
  private struct State {
    var report = FaultReport()
    var last: (why: String, at: MonotonicTime)?
  }

  /// How long after a failure the store counts as faulty: those who need it come at any time, and nobody says that it
  /// works again.
  private static let lasts: Duration = .seconds(60)

  private let state = Mutex(State())

  /// No failure so far.
  public init() {}

  /// Counts `fault`.
  ///
  /// - Returns: How many there were since the last report, this one included; nil: it is not yet time to report again.
  public func count(_ fault: StoreFault, at now: MonotonicTime = .current) -> Int? {
    state.withLock { state in
      state.last = (fault.description, now)
      return state.report.happened(at: now)
    }
  }

  /// What went wrong within the last minute, as it did last; nil: nothing.
  public func recent(at now: MonotonicTime = .current) -> String? {
    state.withLock { state in state.last.flatMap { now < $0.at + StoreFaults.lasts ? $0.why : nil } }
  }
}
