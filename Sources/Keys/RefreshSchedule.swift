internal import Fetch

/// When keys are fetched again.
enum RefreshSchedule {
  /// However short an issuer says that its keys stay fresh: where 15 s are said, nobody fetches four times a minute.
  static let shortest: Duration = .seconds(60)
  /// The longest pause after a failure: keys that were published meanwhile sign soon, and are wanted as soon as the
  /// issuer is back.
  private static let longestRetry: Duration = .seconds(5)

  /// The time from one fetch that went well to the next.
  ///
  /// `every` is how soon the operator wants to hear that a key was withdrawn, so an issuer's `max-age` makes it sooner
  /// and never later. `no-store` and `no-cache` are what frameworks say by default, about copies in browsers: they are
  /// no wish for a fetch each minute.
  static func interval(every: Duration, freshness: Freshness) -> Duration {
    switch freshness {
    case .unsaid, .notToBeKept: every
    case .fresh(let duration): min(every, max(duration, shortest))
    }
  }

  /// A little earlier, by chance, so that the keys are fetched before they age out and many gateways do not come at
  /// once.
  static func jittered(_ interval: Duration) -> Duration { interval * Double.random(in: 0.9...1.0) }

  /// After so many failures in a row: 1 s, 2 s, 4 s … with jitter.
  static func retry(failures: Int) -> Duration {
    min(.seconds(1 << min(max(failures - 1, 0), 5)), longestRetry) * Double.random(in: 0.75...1.0)
  }
}
