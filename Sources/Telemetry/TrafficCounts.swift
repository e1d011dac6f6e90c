import Access
public import Reason

/// What one loop has counted since it began, or several loops together. A value: a copy is what it was at that moment.
public struct TrafficCounts: Sendable {
  /// By `MetricNames`' number; 0 is for requests that matched no route.
  public private(set) var routes: [ExchangeCounts] = [ExchangeCounts()]
  /// By `MetricNames`' number. The durations are those until the first byte of the response.
  public private(set) var upstreams: [ExchangeCounts] = [ExchangeCounts()]
  /// The responses that came from the upstreams themselves, by `MetricNames`' number: those of the gateway in their
  /// place are not among them.
  public private(set) var forwarded: [StatusCounts] = [StatusCounts()]
  /// Exchanges that the gateway refused or cut off.
  public private(set) var refusals: [Refused: UInt64] = [:]
  /// Requests that were admitted although what their provider or route tries would have refused them: it is not
  /// enforced for their senders.
  public private(set) var unenforced: [Refused: UInt64] = [:]
  /// Those of `refusals` that come from a check that the route or the provider only tries. `provider` is set where it
  /// is the provider's check, and 0 where it is the route's.
  public private(set) var refusedByTried: [Refused: UInt64] = [:]
  /// Attempts after the first one to send a request upstream.
  public private(set) var retries: UInt64 = 0
  /// Requests whose token had been verified or introspected before.
  public private(set) var cacheHits: UInt64 = 0
  /// Requests whose token had to be verified or introspected.
  public private(set) var cacheMisses: UInt64 = 0
  /// Bytes received from clients, heads included.
  public private(set) var bytesIn: UInt64 = 0
  /// Bytes sent to clients, heads included.
  public private(set) var bytesOut: UInt64 = 0
  /// Connections accepted from clients.
  public private(set) var connections: UInt64 = 0

  /// What refusals are counted by.
  public struct Refused: Hashable, Sendable {
    /// `MetricNames`' number; 0: no route matched.
    public let route: Int
    /// Why the request was refused or cut off.
    public let reason: Reason
    /// `MetricNames`' number; 0: none is known. Always 0 in `unenforced`.
    public var provider = 0
    /// `MetricNames`' number of the upstream that is to blame; 0: someone else is. Only in `refusals`.
    public var upstream = 0
  }

  /// Nothing counted yet.
  public init() {}

  /// Counts a connection that was accepted.
  public mutating func countConnection() { connections &+= 1 }

  /// Counts an exchange that has ended.
  public mutating func count(_ exchange: borrowing ExchangeMeasure) {
    if exchange.route >= routes.count { TrafficCounts.grow(&routes, to: exchange.route) }
    routes[exchange.route].count(status: exchange.status, microseconds: exchange.totalMicroseconds)
    if let upstream = exchange.upstream {
      if upstream >= upstreams.count { TrafficCounts.grow(&upstreams, to: upstream) }
      upstreams[upstream].count(status: exchange.status, microseconds: exchange.firstByteMicroseconds)
      retries &+= UInt64(clamping: exchange.retries)
      if exchange.reason == nil {
        if upstream >= forwarded.count { TrafficCounts.grow(&forwarded, to: upstream) }
        forwarded[upstream].count(exchange.status)
      }
    }
    switch exchange.cache {
    case .hit: cacheHits &+= 1
    case .miss: cacheMisses &+= 1
    case nil: break
    }
    bytesIn &+= exchange.bytesIn
    bytesOut &+= exchange.bytesOut
    if let reason = exchange.reason {
      let upstream = reason.blame == .upstream ? exchange.upstream ?? 0 : 0
      let refused = Refused(
        route: exchange.route, reason: reason, provider: exchange.provider, upstream: upstream)
      refusals[refused, default: 0] &+= 1
      if let trier = exchange.refusingTrier {
        let provider = trier == .provider ? exchange.provider : 0
        refusedByTried[Refused(route: exchange.route, reason: reason, provider: provider), default: 0] &+= 1
      }
    }
    if let reason = exchange.unenforced { unenforced[Refused(route: exchange.route, reason: reason), default: 0] &+= 1 }
  }

  private static func grow(_ counts: inout [ExchangeCounts], to index: Int) {
    counts += [ExchangeCounts](repeating: ExchangeCounts(), count: index + 1 - counts.count)
  }

  private static func grow(_ counts: inout [StatusCounts], to index: Int) {
    counts += [StatusCounts](repeating: StatusCounts(), count: index + 1 - counts.count)
  }

  /// Adds what another loop has counted.
  public mutating func add(_ other: TrafficCounts) {
    TrafficCounts.add(other.routes, to: &routes)
    TrafficCounts.add(other.upstreams, to: &upstreams)
    if other.forwarded.count > forwarded.count { TrafficCounts.grow(&forwarded, to: other.forwarded.count - 1) }
    for index in other.forwarded.indices { forwarded[index].add(other.forwarded[index]) }
    for (refused, count) in other.refusals { refusals[refused, default: 0] &+= count }
    for (refused, count) in other.unenforced { unenforced[refused, default: 0] &+= count }
    for (refused, count) in other.refusedByTried { refusedByTried[refused, default: 0] &+= count }
    retries &+= other.retries
    cacheHits &+= other.cacheHits
    cacheMisses &+= other.cacheMisses
    bytesIn &+= other.bytesIn
    bytesOut &+= other.bytesOut
    connections &+= other.connections
  }

  private static func add(_ others: [ExchangeCounts], to counts: inout [ExchangeCounts]) {
    if others.count > counts.count { grow(&counts, to: others.count - 1) }
    for index in others.indices { counts[index].add(others[index]) }
  }
}
