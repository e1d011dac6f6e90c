/// How often something took how long, as Prometheus counts it: each bound's bucket holds what took at most that long.
public struct Histogram: Sendable {
  /// Microseconds.
  public static let bounds: InlineArray<14, Int64> = [
    500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
    10_000_000,
  ]
  /// By bound; the last one is of what took longer than any. Not cumulative.
  private var counts = InlineArray<15, UInt64>(repeating: 0)
  public private(set) var sumMicroseconds: UInt64 = 0

  public init() {}

  public mutating func add(_ microseconds: Int64) {
    var index = 0
    while index < Histogram.bounds.count, microseconds > Histogram.bounds[index] { index += 1 }
    counts[index] &+= 1
    sumMicroseconds &+= UInt64(clamping: microseconds)
  }

  public mutating func add(_ other: Histogram) {
    for index in counts.indices { counts[index] &+= other.counts[index] }
    sumMicroseconds &+= other.sumMicroseconds
  }

  /// How often it took longer than the bound before that one, and not longer than that.
  ///
  /// - Parameter index: Of a bound, or one more for what took longer than any.
  public func count(of index: Int) -> UInt64 { counts.indices.contains(index) ? counts[index] : 0 }
}
