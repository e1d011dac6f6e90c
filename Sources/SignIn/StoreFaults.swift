import Sockets
import Synchronization

/// Counts failures of a store, so that they can be reported together: requests may cause thousands. May be used from
/// any thread.
public final class StoreFaults: Sendable {
  private let report = Mutex(FaultReport())

  /// No failure so far.
  public init() {}

  /// Counts one.
  ///
  /// - Returns: How many there were since the last report, this one included; nil: it is not yet time to report again.
  public func count() -> Int? { report.withLock { $0.happened(at: .current) } }
}
