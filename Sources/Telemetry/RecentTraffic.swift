public import Sockets

/// What the counters said at each of the last ten minutes, so that what is new can be told from what is long over.
public struct RecentTraffic: Sendable {
  private var samples: [(at: MonotonicTime, verdicts: TrafficVerdicts)]

  /// How often they are asked.
  public static let every: Duration = .seconds(60)
  private static let kept: Duration = .seconds(600)

  /// - Parameter start: When the counters were at zero.
  public init(from start: MonotonicTime) { samples = [(start, TrafficVerdicts())] }

  /// Remembers what they say `now`, and forgets what nothing is counted from any more.
  public mutating func add(_ verdicts: TrafficVerdicts, at now: MonotonicTime) {
    samples.removeFirst(first(at: now))
    samples.append((now, verdicts))
  }

  /// What came in the last ten minutes, or up to one more; or since the beginning.
  ///
  /// - Parameter verdicts: What the counters say now.
  public func latest(_ verdicts: TrafficVerdicts, at now: MonotonicTime) -> (verdicts: TrafficVerdicts, time: Duration)
  {
    let from = samples[first(at: now)]
    return (verdicts.since(from.verdicts), now - from.at)
  }

  /// The last sample that is old enough, or the first.
  private func first(at now: MonotonicTime) -> Int {
    samples.lastIndex { $0.at + RecentTraffic.kept <= now } ?? 0
  }
}
