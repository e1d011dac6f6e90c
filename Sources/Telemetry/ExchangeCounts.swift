public import Access
public import Reason

/// What is counted of the exchanges of one route, or with one upstream.
public struct ExchangeCounts: Sendable {
  private var statuses = StatusCounts()
  public private(set) var durations = Histogram()

  public init() {}

  mutating func count(status: Int, microseconds: Int64?) {
    statuses.count(status)
    if let microseconds { durations.add(microseconds) }
  }

  public mutating func add(_ other: ExchangeCounts) {
    statuses.add(other.statuses)
    durations.add(other.durations)
  }

  /// - Parameter place: A status' first digit.
  public func count(ofStatuses place: Int) -> UInt64 { statuses.count(of: place) }

  public var total: UInt64 { statuses.total }
}

/// One exchange, as it is counted.
public struct ExchangeMeasure: Sendable {
  /// `MetricNames`' number of its route; 0: none matched.
  public var route: Int
  /// Of its upstream; nil: it was sent nowhere.
  public var upstream: Int?
  public var status: Int
  public var reason: Reason?
  /// Of the provider whose token or session was refused; 0: it is not known, or nothing was refused.
  public var provider = 0
  /// Why it would have been refused, were what its provider or its route tries enforced for whoever sent it.
  public var unenforced: Reason?
  /// Who tries what it was refused by; nil: it was not, or by what is required.
  public var refusingTrier: Trier?
  public var cache: AccessRecord.Cache?
  public var totalMicroseconds: Int64
  public var firstByteMicroseconds: Int64?
  public var retries: Int
  public var bytesIn: UInt64
  public var bytesOut: UInt64

  public init(
    route: Int, upstream: Int?, status: Int, reason: Reason?, cache: AccessRecord.Cache?, totalMicroseconds: Int64,
    firstByteMicroseconds: Int64?, retries: Int, bytesIn: UInt64, bytesOut: UInt64
  ) {
    self.route = route
    self.upstream = upstream
    self.status = status
    self.reason = reason
    self.cache = cache
    self.totalMicroseconds = totalMicroseconds
    self.firstByteMicroseconds = firstByteMicroseconds
    self.retries = retries
    self.bytesIn = bytesIn
    self.bytesOut = bytesOut
  }
}
