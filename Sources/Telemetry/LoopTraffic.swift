/// What one loop has counted and refused, at one moment.
public struct LoopTraffic: Sendable {
  public let counts: TrafficCounts
  /// What it refused last.
  public let refusals: [RecentRefusals.Part]

  public init(counts: TrafficCounts, refusals: [RecentRefusals.Part]) {
    self.counts = counts
    self.refusals = refusals
  }
}
