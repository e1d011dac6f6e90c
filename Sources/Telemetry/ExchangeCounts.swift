public import Access
public import Reason

/// The counts of the exchanges of one route, or with one upstream.
public struct ExchangeCounts: Sendable {
  private var statuses = StatusCounts()
  /// How long they took: of a route in all, of an upstream until its response began.
  public private(set) var durations = Histogram()

  /// No exchanges.
  public init() {}

  mutating func count(status: Int, microseconds: Int64?) {
    statuses.count(status)
    if let microseconds { durations.add(microseconds) }
  }

  /// Adds what was counted elsewhere of the same route or upstream.
  public mutating func add(_ other: ExchangeCounts) {
    statuses.add(other.statuses)
    durations.add(other.durations)
  }

  /// How many were answered with a status of one class.
  ///
  /// - Parameter place: The first digit of the status; 0 for exchanges that were cut before there was one.
  public func count(ofStatuses place: Int) -> UInt64 { statuses.count(of: place) }

  /// All exchanges, also those without a status.
  public var total: UInt64 { statuses.total }
}

/// What is counted of one exchange.
public struct ExchangeMeasure: Sendable {
  /// `MetricNames`' number of its route; 0: none matched.
  public var route: Int
  /// `MetricNames`' number of its upstream; nil: it was not to be sent to any.
  public var upstream: Int?
  /// The status that the client was answered with; 0: the exchange was cut before there was one.
  public var status: Int
  /// Why the gateway answered itself or cut the exchange; nil: it did not.
  public var reason: Reason?
  /// `MetricNames`' number of the provider whose token or session was refused; 0: it is not known, or nothing was
  /// refused.
  public var provider = 0
  /// The reason for which what the provider or the route tries would have refused it, had it been enforced for its
  /// sender; nil: it would not have.
  public var unenforced: Reason?
  /// Who tries the check that refused it; nil: it was not refused, or by what is required.
  public var refusingTrier: Trier?
  /// Whether its token was in the cache; nil: there was no token to look at.
  public var cache: AccessRecord.Cache?
  /// From the first byte of the request to the end of the exchange.
  public var totalMicroseconds: Int64
  /// From forwarding to the first byte of the upstream's response; nil: there was none.
  public var firstByteMicroseconds: Int64?
  /// Attempts after the first one to send it upstream.
  public var retries: Int
  /// Bytes received from the client, heads included.
  public var bytesIn: UInt64
  /// Bytes sent to the client, heads included.
  public var bytesOut: UInt64

  /// An exchange that was neither refused nor would have been by anything that is tried, unless those properties are
  /// set.
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
