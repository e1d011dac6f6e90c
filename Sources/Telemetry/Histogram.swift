/// How often something took how long. The buckets have fixed bounds, as in Prometheus' histograms.
public struct Histogram: Sendable {
  /// Microseconds, ascending. Each bucket counts what took at most as long as its bound and longer than the bound
  /// before.
  public static let bounds: InlineArray<14, Int64> = [
    500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
    10_000_000,
  ]
  /// By bound; the last one is of what took longer than any. Not cumulative.
  private var counts = InlineArray<15, UInt64>(repeating: 0)
  /// The sum of all durations, of which negative ones count as 0.
  public private(set) var sumMicroseconds: UInt64 = 0

  /// An empty histogram.
  public init() {}

  /// Counts one duration.
  public mutating func add(_ microseconds: Int64) {
    var index = 0
    while index < Histogram.bounds.count, microseconds > Histogram.bounds[index] { index += 1 }
    counts[index] &+= 1
    sumMicroseconds &+= UInt64(clamping: microseconds)
  }

  /// Adds the counts and the sum of `other`.
  public mutating func add(_ other: Histogram) {
    for index in counts.indices { counts[index] &+= other.counts[index] }
    sumMicroseconds &+= other.sumMicroseconds
  }

  /// How many are in one bucket. Not cumulative.
  ///
  /// - Parameter index: That of the bucket's bound, or one more than the last for what took longer than any; of another
  ///   index the count is 0.
  public func count(of index: Int) -> UInt64 { counts.indices.contains(index) ? counts[index] : 0 }
}
