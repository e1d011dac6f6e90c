import Sockets
import Testing

@testable import Introspection

@Suite("Sparing an issuer that fails")
struct CircuitBreakerTests {
  private static func time(_ milliseconds: Int64) -> MonotonicTime {
    MonotonicTime(nanoseconds: milliseconds * 1_000_000)
  }

  /// Opened by failures at time 0.
  private static func opened() -> CircuitBreaker {
    var breaker = CircuitBreaker()
    for _ in 0..<CircuitBreaker.failuresMax { breaker.failed(.question, at: time(0), jitter: 1) }
    return breaker
  }

  @Test("A few failures change nothing, and a success forgets them")
  func fewFailures() {
    var breaker = CircuitBreaker()
    for _ in 0..<10 {
      for _ in 1..<CircuitBreaker.failuresMax { breaker.failed(.question, at: Self.time(0), jitter: 1) }
      #expect(breaker.admit(at: Self.time(0)) == .question)
      breaker.succeeded()
    }
  }

  @Test("After failures in a row there is a pause, then one probe at a time")
  func oneProbe() {
    var breaker = Self.opened()
    #expect(breaker.isOpen(at: Self.time(499)))
    #expect(breaker.admit(at: Self.time(499)) == .refused)
    #expect(!breaker.isOpen(at: Self.time(500)))
    #expect(breaker.admit(at: Self.time(500)) == .probe)
    #expect(breaker.isOpen(at: Self.time(500)))
    #expect(breaker.admit(at: Self.time(60_000)) == .refused)
    breaker.succeeded()
    #expect(breaker.admit(at: Self.time(60_000)) == .question)
  }

  @Test("Pauses grow to five seconds")
  func pauses() {
    var breaker = Self.opened()
    var now: Int64 = 0
    for pause: Int64 in [500, 1000, 2000, 4000, 5000, 5000, 5000] {
      #expect(breaker.admit(at: Self.time(now + pause - 1)) == .refused, "\(pause)")
      now += pause
      #expect(breaker.admit(at: Self.time(now)) == .probe, "\(pause)")
      breaker.failed(.probe, at: Self.time(now), jitter: 1)
    }
  }

  @Test("Jitter makes a pause shorter, never longer")
  func jitter() {
    var breaker = CircuitBreaker()
    for _ in 0..<CircuitBreaker.failuresMax { breaker.failed(.question, at: Self.time(0), jitter: 0.75) }
    #expect(breaker.admit(at: Self.time(374)) == .refused)
    #expect(breaker.admit(at: Self.time(375)) == .probe)
  }

  @Test("What was sent before it opened neither prolongs a pause nor ends the probe")
  func earlierQuestions() {
    var breaker = Self.opened()
    breaker.failed(.question, at: Self.time(400), jitter: 1)
    #expect(breaker.admit(at: Self.time(500)) == .probe)
    breaker.failed(.question, at: Self.time(500), jitter: 1)
    #expect(breaker.admit(at: Self.time(501)) == .refused)
  }
}
