import Access
public import Reason

/// What one loop has counted since it began, or several together. A value: a copy is what it was at that moment.
public struct TrafficCounts: Sendable {
  /// By `MetricNames`' number; 0 is of requests that no route is for.
  public private(set) var routes: [ExchangeCounts] = [ExchangeCounts()]
  /// By `MetricNames`' number. The durations are those until the first byte of the response.
  public private(set) var upstreams: [ExchangeCounts] = [ExchangeCounts()]
  /// What upstreams have answered themselves, by `MetricNames`' number.
  public private(set) var forwarded: [StatusCounts] = [StatusCounts()]
  public private(set) var refusals: [Refused: UInt64] = [:]
  /// Requests that were let through, and that what their provider or route tries refuses: it is not enforced for them.
  public private(set) var unenforced: [Refused: UInt64] = [:]
  /// Those of `refusals` that what their route tries has refused, or their provider: then it has that one's number.
  public private(set) var refusedByTried: [Refused: UInt64] = [:]
  public private(set) var retries: UInt64 = 0
  public private(set) var cacheHits: UInt64 = 0
  public private(set) var cacheMisses: UInt64 = 0
  public private(set) var bytesIn: UInt64 = 0
  public private(set) var bytesOut: UInt64 = 0
  public private(set) var connections: UInt64 = 0

  public struct Refused: Hashable, Sendable {
    public let route: Int
    public let reason: Reason
    /// `MetricNames`' number; 0: none is known. Only of `refusals` and `refusedByTried`.
    public var provider = 0
    /// `MetricNames`' number; 0: somebody else is to blame. Only of `refusals`.
    public var upstream = 0
  }

  public init() {}

  /// A connection was accepted.
  public mutating func countConnection() { connections &+= 1 }

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
