/// What one loop has counted and refused, at one moment.
public struct LoopTraffic: Sendable {
  public let counts: TrafficCounts
  /// The access lines of its last refusals as JSON, those that came last first.
  public let refusals: [[UInt8]]

  public init(counts: TrafficCounts, refusals: [[UInt8]]) {
    self.counts = counts
    self.refusals = refusals
  }
}
