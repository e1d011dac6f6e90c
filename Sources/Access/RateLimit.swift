/// How many requests one client or subject may send: `rate` of them in a period, and `burst` at once.
///
/// The generic cell rate algorithm: a request is let through unless those before it, each taking its share of the
/// period, would reach further than a burst into the future. So one moment for each sender is all that is remembered.
public struct RateLimit: Sendable, Hashable {
  /// What is counted together.
  public enum Subject: String, Sendable, Hashable, CaseIterable {
    /// All requests with tokens of one subject; those without one as `client`.
    case subject
    /// All requests from one address: of IPv6, from one /64.
    case client
  }

  /// What is counted together.
  public let by: Subject
  /// Nanoseconds that one request takes, rounded up; at least 1.
  public let interval: Int64
  /// How many requests may come at once, 1 to 1,000,000.
  public let burst: Int64

  /// A limit of `count` requests in a period. Values out of range are clamped.
  ///
  /// - Parameters:
  ///   - count: Requests in a period, 1 to 1,000,000.
  ///   - periodSeconds: 1 to 3,600.
  ///   - burst: Requests at once, 1 to 1,000,000.
  public init(by: Subject, count: Int64, periodSeconds: Int64, burst: Int64) {
    self.by = by
    self.burst = min(max(burst, 1), RateLimit.most)
    let count = min(max(count, 1), RateLimit.most)
    let period = min(max(periodSeconds, 1), 3600) * 1_000_000_000
    interval = (period + count - 1) / count
  }

  /// What is remembered of a sender: when all of their requests have had their share of time. In the past for one who
  /// may send a whole burst.
  public struct Moment: Sendable, Hashable {
    /// Nanoseconds of a monotonic clock.
    public var nanoseconds: Int64

    /// A moment of the clock that `evaluate` is given.
    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }
  }

  /// Whether a request is allowed.
  public enum Verdict: Sendable, Equatable {
    /// It is, and this is to be remembered of the sender.
    case allowed(Moment)
    /// It is not, and what is remembered stays as it is. `wait` is in nanoseconds, at least 1, until one would be
    /// allowed.
    case refused(wait: Int64)
  }

  /// Decides one request.
  ///
  /// - Parameters:
  ///   - moment: What is remembered of the sender; nil: nothing.
  ///   - now: Nanoseconds of the clock that `moment` is of.
  public func evaluate(_ moment: Moment?, now: Int64) -> Verdict {
    let begins = max(moment?.nanoseconds ?? now, now)
    // At most 3,600 s times 1,000,000: 64 bits hold twice as much.
    let ahead = begins.subtractingReportingOverflow(now)
    let room = interval * (burst - 1)
    if ahead.overflow || ahead.partialValue > room {
      return .refused(wait: ahead.overflow ? .max : ahead.partialValue - room)
    }
    let next = begins.addingReportingOverflow(interval)
    return .allowed(Moment(nanoseconds: next.overflow ? .max : next.partialValue))
  }

  /// Seconds until a sender of a burst may send a whole one again, rounded up.
  public var windowSeconds: Int64 {
    let (seconds, rest) = (interval * burst).quotientAndRemainder(dividingBy: 1_000_000_000)
    return seconds + (rest > 0 ? 1 : 0)
  }

  private static let most: Int64 = 1_000_000
}
