/// What one loop has counted and refused, at one moment.
public struct LoopTraffic: Sendable {
  /// Its counters.
  public let counts: TrafficCounts
  /// The verified tokens that arrived.
  public let census: TokenCensus
  /// What it refused last, by kind; empty where refusals are not remembered.
  public let refusals: [RecentRefusals.Part]

  /// A copy of what the loop had counted at that moment.
  public init(counts: TrafficCounts, census: TokenCensus, refusals: [RecentRefusals.Part]) {
    self.counts = counts
    self.census = census
    self.refusals = refusals
  }
}
