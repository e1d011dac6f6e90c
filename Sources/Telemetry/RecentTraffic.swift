public import Sockets

/// What the counters said at each of the last ten minutes, so that what is new can be told from what is long over.
public struct RecentTraffic: Sendable {
  private var samples: [(at: MonotonicTime, verdicts: TrafficVerdicts)]

  /// How often `add` is to be called.
  public static let every: Duration = .seconds(60)
  private static let kept: Duration = .seconds(600)

  /// Remembers nothing yet.
  ///
  /// - Parameter start: When the counters were at zero.
  public init(from start: MonotonicTime) { samples = [(start, TrafficVerdicts())] }

  /// Remembers what the counters say `now`, and forgets what is no longer needed.
  public mutating func add(_ verdicts: TrafficVerdicts, at now: MonotonicTime) {
    samples.removeFirst(first(at: now))
    samples.append((now, verdicts))
  }

  /// What was counted in the last ten to eleven minutes, or since the beginning where that is less, and in what time.
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
