/// What one loop has counted and refused, at one moment.
public struct LoopTraffic: Sendable {
  public let counts: TrafficCounts
  /// The tokens that came.
  public let census: TokenCensus
  /// What it refused last.
  public let refusals: [RecentRefusals.Part]

  public init(counts: TrafficCounts, census: TokenCensus, refusals: [RecentRefusals.Part]) {
    self.counts = counts
    self.census = census
    self.refusals = refusals
  }
}
