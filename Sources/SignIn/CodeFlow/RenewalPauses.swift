import Tokens

/// Sessions that a provider could not renew a moment ago: it is not asked for them again with every request.
struct RenewalPauses {
  /// By the hash of what a session's cookie holds.
  private var until: [[UInt8]: UnixSeconds] = [:]
  /// When those that are over were last looked for.
  private var sweptAt: UnixSeconds?

  /// The provider did not say whether a session goes on.
  ///
  /// - Parameter session: The hash of what its cookie holds. Where as many are remembered as may be, it is not: the
  ///   provider is asked again then.
  mutating func begin(_ session: [UInt8], now: UnixSeconds) {
    if until.count >= Limits.renewalPausesMax, sweptAt != now {
      sweptAt = now
      until = until.filter { RenewalPauses.lasts(until: $0.value, now) }
    }
    if until.count < Limits.renewalPausesMax { until[session] = now + CodeFlow.renewalPauseSeconds }
  }

  /// Whether the provider is not to be asked for a session yet.
  func holds(_ session: [UInt8], now: UnixSeconds) -> Bool {
    until[session].map { RenewalPauses.lasts(until: $0, now) } ?? false
  }

  /// A clock that was set back makes no pause longer.
  private static func lasts(until end: UnixSeconds, _ now: UnixSeconds) -> Bool {
    now < end && end - now <= CodeFlow.renewalPauseSeconds
  }
}
