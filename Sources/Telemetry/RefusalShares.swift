public import Reason

/// How many requests there were in some time, and how many of them were refused or failed, by reason.
public struct RefusalShares: Sendable, Equatable {
  public private(set) var requests: UInt64
  public private(set) var refusals: [Reason: UInt64]

  public init(requests: UInt64 = 0, refusals: [Reason: UInt64] = [:]) {
    self.requests = requests
    self.refusals = refusals
  }

  public init(_ counts: TrafficCounts) {
    requests = counts.routes.reduce(0) { $0 &+ $1.total }
    refusals = [:]
    for (refused, count) in counts.refusals { refusals[refused.reason, default: 0] &+= count }
  }

  /// Adds what another loop has counted.
  public mutating func add(_ other: RefusalShares) {
    requests &+= other.requests
    for (reason, count) in other.refusals { refusals[reason, default: 0] &+= count }
  }

  /// What came since `earlier`, of the same counters.
  public func since(_ earlier: RefusalShares) -> RefusalShares {
    RefusalShares(
      requests: requests &- earlier.requests,
      refusals: refusals.reduce(into: [:]) { $0[$1.key] = $1.value &- (earlier.refusals[$1.key] ?? 0) })
  }

  /// A reason for which a greater part is refused than before.
  public struct Excess: Sendable, Equatable {
    public let reason: Reason
    /// Of all requests, 0 to 1.
    public let before: Double
    public let now: Double
  }

  /// Fewer requests say nothing.
  public static let requestsMin: UInt64 = 50
  private static let refusalsMin: UInt64 = 10
  private static let excessMin = 0.02

  /// The reason of which the share has left its band: above what it was before by more than a fiftieth of all requests
  /// and by more than four standard deviations of such a sample. nil: none, or there is too little to tell.
  ///
  /// Only above: that fewer are refused is what most changes of a rule are for.
  public func excess(over before: RefusalShares) -> Excess? {
    guard before.requests >= RefusalShares.requestsMin, requests >= RefusalShares.requestsMin else { return nil }
    var worst: Excess?
    for (reason, count) in refusals where count >= RefusalShares.refusalsMin {
      let earlier = before.refusals[reason] ?? 0
      let excess = Excess(
        reason: reason, before: Double(earlier) / Double(before.requests), now: Double(count) / Double(requests))
      // One more than were seen: none that was seen does not mean that there can be none.
      let expected = Double(earlier + 1) / Double(before.requests + 2)
      let deviation = (expected * (1 - expected) / Double(requests)).squareRoot()
      let edge = max(excess.before + RefusalShares.excessMin, expected + 4 * deviation)
      guard excess.now > edge else { continue }
      if worst.map({ excess.now - excess.before > $0.now - $0.before }) ?? true { worst = excess }
    }
    return worst
  }
}
