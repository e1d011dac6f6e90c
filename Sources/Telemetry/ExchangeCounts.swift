public import Reason

/// What is counted of the exchanges of one route, or with one upstream.
public struct ExchangeCounts: Sendable {
  /// By the status' first digit; 0 is of exchanges that were cut before there was one.
  private var statuses = InlineArray<6, UInt64>(repeating: 0)
  public private(set) var durations = Histogram()

  public init() {}

  mutating func count(status: Int, microseconds: Int64?) {
    let place = status / 100
    statuses[place < 6 && place >= 0 ? place : 0] &+= 1
    if let microseconds { durations.add(microseconds) }
  }

  public mutating func add(_ other: ExchangeCounts) {
    for place in statuses.indices { statuses[place] &+= other.statuses[place] }
    durations.add(other.durations)
  }

  /// - Parameter place: A status' first digit.
  public func count(ofStatuses place: Int) -> UInt64 { statuses.indices.contains(place) ? statuses[place] : 0 }

  public var total: UInt64 {
    var sum: UInt64 = 0
    for place in statuses.indices { sum &+= statuses[place] }
    return sum
  }
}

/// One exchange, as it is counted.
public struct ExchangeMeasure: Sendable {
  /// `MetricNames`' number of its route; 0: none matched.
  public var route: Int
  /// Of its upstream; nil: it was sent nowhere.
  public var upstream: Int?
  public var status: Int
  public var reason: Reason?
  /// Why it would have been refused, were what its route tries enforced for whoever sent it.
  public var unenforced: Reason?
  /// Whether it was refused by what its route tries, and not by what is required.
  public var isRefusedByTried = false
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
