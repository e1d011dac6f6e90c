public import Configuration
import Sockets
import Synchronization
public import TLS

/// An upstream as it is defined: by the configuration, and by what the files say that it names.
public struct UpstreamDefinition: Sendable, Equatable {
  /// What the configuration says of it.
  public let configuration: UpstreamConfiguration
  /// What is spoken to servers with TLS; nil where there are none.
  public let tls: TLSClientContext.Settings?

  /// - Parameter tls: What is spoken to servers with TLS; nil where there are none.
  public init(_ configuration: UpstreamConfiguration, tls: TLSClientContext.Settings?) {
    self.configuration = configuration
    self.tls = tls
  }
}

/// An upstream as all loops know it together. It lasts as long as its definition, over reloads.
public final class UpstreamState: Sendable {
  let definition: UpstreamDefinition
  /// What the configuration says of it.
  public var configuration: UpstreamConfiguration { definition.configuration }
  /// One for each loop that carries traffic, and behind them one for health checks; empty where all speak in clear.
  private let contexts: [TLSClientContext]
  /// nil without `max_connections`.
  let limit: ConnectionLimit?
  /// When a failure to connect may next have names resolved anew, in nanoseconds of the monotonic clock.
  private let lookupAllowedAt = Atomic<Int64>(0)

  /// - Parameters:
  ///   - workers: Loops that carry traffic.
  ///   - limit: Of an upstream that this one is to replace: what it has in flight by then goes on to count.
  init(_ definition: UpstreamDefinition, workers: Int, limit: ConnectionLimit? = nil) throws(TLSFault) {
    self.definition = definition
    var contexts: [TLSClientContext] = []
    if let tls = definition.tls {
      for _ in 0...workers { contexts.append(try TLSClientContext(tls)) }
    }
    self.contexts = contexts
    let configuration = definition.configuration
    self.limit = configuration.connectionsMax.map { limit ?? ConnectionLimit($0, queueMax: configuration.queueMax) }
  }

  /// It is in force: from now on its bounds count.
  func takeForce() {
    if let most = configuration.connectionsMax { limit?.change(most, queueMax: configuration.queueMax) }
  }

  /// What the loop of that number speaks to servers with TLS.
  func context(ofWorker index: Int) -> TLSClientContext? { contexts.isEmpty ? nil : contexts[index] }

  /// What is spoken to them on the control loop.
  var controlContext: TLSClientContext? { contexts.last }

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
