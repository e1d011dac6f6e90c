import Sockets
import Synchronization

/// Failures of a store, whoever meets them: requests may bring thousands. From anywhere.
public final class StoreFaults: Sendable {
  private let report = Mutex(FaultReport())

  public init() {}

  /// Counts one.
  ///
  /// - Returns: How many there were since that was last said, this one included; nil: it is not to be said.
  public func count() -> Int? { report.withLock { $0.happened(at: .current) } }
}
