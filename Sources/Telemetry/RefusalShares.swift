public import Reason

/// How many requests there were in some time, and how many of them were refused or failed, by reason.
public struct RefusalShares: Sendable, Equatable {
  /// All requests.
  public private(set) var requests: UInt64
  /// Those that were refused or cut off, by reason.
  public private(set) var refusals: [Reason: UInt64]

  /// So many requests and refusals; without arguments, none.
  public init(requests: UInt64 = 0, refusals: [Reason: UInt64] = [:]) {
    self.requests = requests
    self.refusals = refusals
  }

  /// The totals of all routes.
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
    /// Why the requests are refused.
    public let reason: Reason
    /// Its share of all requests before, from 0 to 1.
    public let before: Double
    /// Its share of all requests now, from 0 to 1.
    public let now: Double
  }

  /// With fewer requests, before or now, `excess(over:)` finds nothing.
  public static let requestsMin: UInt64 = 50
  private static let refusalsMin: UInt64 = 10
  private static let excessMin = 0.02

  /// The reason whose share has grown beyond chance: by more than a fiftieth of all requests, and by more than four
  /// standard deviations of a sample of this size. Of several, the one that grew most; nil: none has, or there is too
  /// little to tell.
  ///
  /// Only growth counts: most changes of a rule are made so that fewer are refused.
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
