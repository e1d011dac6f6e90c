import CSystem

/// A moment of the monotonic clock: it never jumps, and has no meaning outside this process.
@frozen
public struct MonotonicTime: Comparable, Hashable, Sendable {
  /// Nanoseconds since the machine started.
  public var nanoseconds: Int64

  /// - Parameter nanoseconds: Since the machine started.
  @inlinable
  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  /// Reads the clock.
  public static var current: MonotonicTime { MonotonicTime(nanoseconds: csystem_now(CLOCK_MONOTONIC)) }

  /// Whether `left` is earlier than `right`.
  @inlinable
  public static func < (left: MonotonicTime, right: MonotonicTime) -> Bool { left.nanoseconds < right.nanoseconds }

  /// The moment `duration` later; saturates.
  public static func + (left: MonotonicTime, duration: Duration) -> MonotonicTime {
    MonotonicTime(nanoseconds: left.nanoseconds.addingSaturated(duration.wholeNanoseconds))
  }

  /// The time from `right` to `left`.
  public static func - (left: MonotonicTime, right: MonotonicTime) -> Duration {
    .nanoseconds(left.nanoseconds - right.nanoseconds)
  }

  /// The time from `earlier` to this moment, in whole microseconds.
  @inlinable
  public func microseconds(since earlier: MonotonicTime) -> Int64 { (nanoseconds - earlier.nanoseconds) / 1000 }
}

/// The wall clock, for log lines and for the times of tokens.
public enum WallClock {
  /// Nanoseconds since 1970-01-01T00:00:00Z.
  public static var nanoseconds: Int64 { csystem_now(CLOCK_REALTIME) }

  /// Whole seconds since 1970-01-01T00:00:00Z.
  public static var seconds: Int64 { nanoseconds / 1_000_000_000 }

  /// Seconds since 1970-01-01T00:00:00Z with their fraction, as Prometheus has moments.
  public static var exactSeconds: Double { Double(nanoseconds) / 1e9 }
}

extension Duration {
  /// In nanoseconds, saturated to ±292 years.
  public var wholeNanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    if overflow { return seconds < 0 ? .min : .max }
    return product.addingSaturated(attoseconds / 1_000_000_000)
  }
}

extension Int64 {
  fileprivate func addingSaturated(_ other: Int64) -> Int64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? (other < 0 ? .min : .max) : sum
  }
}
