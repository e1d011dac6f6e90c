internal import Sockets

/// Spares an issuer that fails, and those who would wait for it in vain.
///
/// After a few failures in a row nothing is sent for a while; then one question alone, the probe. Each probe that fails
/// makes the next pause longer, up to five seconds.
struct CircuitBreaker {
  enum Admission: Equatable {
    case question
    /// The one question that shows whether the issuer works again.
    case probe
    case refused
  }

  private enum State {
    case closed(failures: Int)
    case open(until: MonotonicTime, pauses: Int)
    case probing(pauses: Int)
  }

  static let failuresMax = 3
  static let firstPause: Duration = .milliseconds(500)
  static let pauseMax: Duration = .seconds(5)

  private var state = State.closed(failures: 0)

  /// Whether something may be sent now. Whoever is told `probe` has to tell how it ended.
  mutating func admit(at now: MonotonicTime) -> Admission {
    switch state {
    case .closed: return .question
    case .open(let until, let pauses):
      guard until <= now else { return .refused }
      state = .probing(pauses: pauses)
      return .probe
    case .probing: return .refused
    }
  }

  /// Whether everything is refused now.
  func isOpen(at now: MonotonicTime) -> Bool {
    switch state {
    case .closed: false
    case .open(let until, _): now < until
    case .probing: true
    }
  }

  mutating func succeeded() { state = .closed(failures: 0) }

  /// - Parameter jitter: 0.75 to 1, so that many gateways do not come back at once.
  mutating func failed(_ admission: Admission, at now: MonotonicTime, jitter: Double) {
    switch state {
    case .closed(let failures):
      if failures + 1 < CircuitBreaker.failuresMax {
        state = .closed(failures: failures + 1)
      } else {
        state = .open(until: now + CircuitBreaker.pause(after: 0) * jitter, pauses: 1)
      }
    case .probing(let pauses) where admission == .probe:
      state = .open(until: now + CircuitBreaker.pause(after: pauses) * jitter, pauses: pauses + 1)
    // What was sent before it opened says nothing new.
    case .open, .probing: break
    }
  }

  private static func pause(after pauses: Int) -> Duration {
    min(firstPause * (1 << min(pauses, 4)), pauseMax)
  }
}
