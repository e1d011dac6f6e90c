import Configuration
import Sockets

/// How fast a client has to be while it is waited for (SECURITY D-1): `limits.minimum_rate` with its `timeouts`.
struct MinimumRate: Sendable {
  fileprivate let bytesPerSecond: Int64
  /// What a client begins with.
  fileprivate let graceMicroseconds: Int64
  /// What it can earn: beyond `timeouts.idle` no client is waited for anyway.
  fileprivate let mostMicroseconds: Int64

  init(bytesPerSecond: Int, grace: Duration, idle: Duration) {
    self.bytesPerSecond = Int64(max(1, bytesPerSecond))
    graceMicroseconds = grace.wholeNanoseconds / 1000
    mostMicroseconds = max(grace, idle).wholeNanoseconds / 1000
  }

  init(bytesPerSecond: Int, _ timeouts: TimeoutsConfiguration) {
    self.init(bytesPerSecond: bytesPerSecond, grace: timeouts.grace, idle: timeouts.idle)
  }

  /// The time that `bytes` are worth, `mostMicroseconds` at most.
  fileprivate func microseconds(for bytes: UInt64) -> Int64 {
    let (product, overflow) = bytes.multipliedReportingOverflow(by: 1_000_000)
    guard !overflow else { return mostMicroseconds }
    return Int64(clamping: min(product / UInt64(bytesPerSecond), UInt64(mostMicroseconds)))
  }
}

extension TimeoutsConfiguration {
  /// How often a client that is waited for is looked at.
  var lookEvery: Duration { min(grace, idle) }
}

/// How a client keeps up in one direction. It has a time that it may be waited for: waiting spends it, and each byte
/// that moves earns as much as the rate gives it. So an hour of speed is no licence to be slow for an hour.
struct Pace {
  /// The time that is left, in microseconds; nil: it was not waited for yet.
  private var left: Int64?
  private var waitsSince: MonotonicTime?
  /// The bytes that have moved, when they were last counted.
  private(set) var moved: Int64 = 0

  var isWaiting: Bool { waitsSince != nil }

  /// The client is waited for, from now or still.
  ///
  /// - Parameters:
  ///   - moved: The bytes that have moved so far, of the whole message. Below zero while bytes from before it move.
  ///   - rate: nil: it may be as slow as it likes.
  /// - Returns: false where it is too slow.
  mutating func wait(moved: Int64, for rate: MinimumRate?, now: MonotonicTime) -> Bool {
    pause(now)
    waitsSince = now
    let (difference, overflow) = moved.subtractingReportingOverflow(self.moved)
    let earned = overflow ? 0 : UInt64(max(0, difference))
    self.moved = moved
    guard let rate else { return true }
    let rest = (left ?? rate.graceMicroseconds) + rate.microseconds(for: earned)
    left = min(rest, rate.mostMicroseconds)
    return rest > 0
  }

  /// Somebody else is waited for.
  mutating func pause(_ now: MonotonicTime) {
    guard let since = waitsSince else { return }
    waitsSince = nil
    if let left { self.left = left - now.microseconds(since: since) }
  }
}
