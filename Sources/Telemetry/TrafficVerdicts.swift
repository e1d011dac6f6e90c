public import Reason

/// What became of requests: who answered them, and how. Of all since the loops began, or of those of some time.
public struct TrafficVerdicts: Sendable {
  /// All requests.
  public private(set) var requests: UInt64 = 0
  /// Those that upstreams answered, by class of status.
  public private(set) var forwarded = StatusCounts()
  /// Those that the gateway refused or cut off.
  public private(set) var refusals: [TrafficCounts.Refused: UInt64] = [:]
  /// By `MetricNames`' number of the upstream; those without errors are absent.
  public private(set) var upstreamErrors: [Int: UpstreamErrors] = [:]

  /// Requests for an upstream that were answered with 5xx.
  public struct UpstreamErrors: Sendable, Equatable {
    /// Answered by the upstream itself.
    public var own: UInt64 = 0
    /// Answered by the gateway in its place.
    public var refused: UInt64 = 0

    /// So many of each.
    public init(own: UInt64 = 0, refused: UInt64 = 0) {
      self.own = own
      self.refused = refused
    }
  }

  /// No requests.
  public init() {}

  /// Of all that was counted.
  public init(_ counts: TrafficCounts) {
    requests = counts.routes.reduce(0) { $0 &+ $1.total }
    refusals = counts.refusals
    for statuses in counts.forwarded { forwarded.add(statuses) }
    for (upstream, exchanges) in counts.upstreams.enumerated() {
      let all = exchanges.count(ofStatuses: 5)
      guard all > 0 else { continue }
      let own = counts.forwarded.indices.contains(upstream) ? counts.forwarded[upstream].count(of: 5) : 0
      upstreamErrors[upstream] = UpstreamErrors(own: own, refused: all &- own)
    }
  }

  /// What came since `earlier`, of the same counters.
  public func since(_ earlier: TrafficVerdicts) -> TrafficVerdicts {
    var result = TrafficVerdicts()
    result.requests = requests &- earlier.requests
    result.forwarded = forwarded.since(earlier.forwarded)
    for (refused, count) in refusals {
      let new = count &- (earlier.refusals[refused] ?? 0)
      if new > 0 { result.refusals[refused] = new }
    }
    for (upstream, errors) in upstreamErrors {
      let before = earlier.upstreamErrors[upstream] ?? UpstreamErrors()
      let new = UpstreamErrors(own: errors.own &- before.own, refused: errors.refused &- before.refused)
      if new != UpstreamErrors() { result.upstreamErrors[upstream] = new }
    }
    return result
  }

  /// Requests that were refused or cut off by the fault of `blame`.
  public func refused(by blame: Blame) -> UInt64 {
    refusals.reduce(0) { $1.key.reason.blame == blame ? $0 &+ $1.value : $0 }
  }

  /// Those that the gateway answered itself without refusing them, such as sign-ins, published keys and redirections.
  public var answered: UInt64 {
    let others = refusals.values.reduce(forwarded.total) { $0 &+ $1 }
    return requests > others ? requests &- others : 0
  }
}
