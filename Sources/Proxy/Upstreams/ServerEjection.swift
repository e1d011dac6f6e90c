import Sockets
import Synchronization

/// Whether a server is passed over because requests failed on it, on whatever loop.
///
/// Three failures in a row eject it: no connection, one that ended before a response, or none in time. After a pause
/// one request probes it; where that fails, the next pause is twice as long, a minute at most. A response ends it.
/// The only server of an upstream is counted so too, for operators: it is asked all the same.
final class ServerEjection: Sendable {
  /// Failures in a row, while it is not ejected.
  private let failures = Atomic<Int>(0)
  /// Pauses in a row; 0: it is not ejected.
  private let pauses = Atomic<Int>(0)
  /// The end of the pause, or the time that the request which probes the server has; in nanoseconds of the monotonic
  /// clock.
  private let until = Atomic<Int64>(0)
  private let isProbed = Atomic<Bool>(false)

  static let failuresMax = 3
  private static let pauseMin: Duration = .seconds(1)
  private static let pauseMax: Duration = .seconds(60)

  var isEjected: Bool { pauses.load(ordering: .relaxed) > 0 }

  /// Whether the pause is over and the caller is the one to probe the server; others pass it over meanwhile.
  ///
  /// - Parameter time: After which another may probe it, where nothing was heard of this one.
  func mayProbe(_ now: MonotonicTime, within time: Duration) -> Bool {
    guard isEjected else { return false }
    let end = until.load(ordering: .relaxed)
    guard end <= now.nanoseconds,
      until.compareExchange(expected: end, desired: (now + time).nanoseconds, ordering: .relaxed).exchanged
    else { return false }
    isProbed.store(true, ordering: .relaxed)
    return true
  }

  /// A request failed.
  ///
  /// - Returns: The pause, where this ejects the server; nil where it was ejected before, or is not yet.
  @discardableResult
  func failed(_ now: MonotonicTime, jitter: Double = .random(in: 0.8...1.2)) -> Duration? {
    if isEjected {
      // What began before, or was sent here for want of a better server, says nothing new.
      guard isProbed.exchange(false, ordering: .relaxed) else { return nil }
      let pause = ServerEjection.pause(pauses.add(1, ordering: .relaxed).newValue, jitter)
      until.store((now + pause).nanoseconds, ordering: .relaxed)
      return nil
    }
    guard failures.add(1, ordering: .relaxed).newValue >= ServerEjection.failuresMax else { return nil }
    let pause = ServerEjection.pause(1, jitter)
    until.store((now + pause).nanoseconds, ordering: .relaxed)
    guard pauses.compareExchange(expected: 0, desired: 1, ordering: .relaxed).exchanged else { return nil }
    failures.store(0, ordering: .relaxed)
    isProbed.store(false, ordering: .relaxed)
    return pause
  }

  /// A request was answered.
  ///
  /// - Returns: Whether this ends an ejection.
  func answered() -> Bool {
    if failures.load(ordering: .relaxed) != 0 { failures.store(0, ordering: .relaxed) }
    guard isEjected, pauses.exchange(0, ordering: .relaxed) > 0 else { return false }
    isProbed.store(false, ordering: .relaxed)
    return true
  }

  /// - Parameters:
  ///   - number: 1 for the first.
  ///   - jitter: So that servers that failed together are not probed together.
  static func pause(_ number: Int, _ jitter: Double) -> Duration {
    let doublings = min(max(number - 1, 0), 6)
    return min(pauseMin * (1 << doublings), pauseMax) * jitter
  }
}
