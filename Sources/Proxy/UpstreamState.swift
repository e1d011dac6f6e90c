public import Configuration
import Sockets
import Synchronization

/// An upstream as all loops know it together. It lasts as long as its definition, over reloads.
public final class UpstreamState: Sendable {
  public let configuration: UpstreamConfiguration
  /// nil without `max_connections`.
  let limit: ConnectionLimit?
  /// When a failure to connect may next have names resolved anew, in nanoseconds of the monotonic clock.
  private let lookupAllowedAt = Atomic<Int64>(0)

  init(_ configuration: UpstreamConfiguration) {
    self.configuration = configuration
    limit = configuration.connectionsMax.map { ConnectionLimit($0, queueMax: configuration.queueMax) }
  }

  /// Whether names are worth another look now: for one caller in a second.
  func mayLookUp(_ now: MonotonicTime) -> Bool {
    let allowedAt = lookupAllowedAt.load(ordering: .relaxed)
    guard now.nanoseconds >= allowedAt else { return false }
    let next = (now + Limits.lookupPause).nanoseconds
    return lookupAllowedAt.compareExchange(expected: allowedAt, desired: next, ordering: .relaxed).exchanged
  }
}

/// An upstream and the servers that it has at the moment.
public struct UpstreamSnapshot: Sendable {
  let state: UpstreamState
  /// Empty: no name was resolved yet.
  let servers: [ServerState]
}
