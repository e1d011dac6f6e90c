import Configuration
import Keys
import Reason
import Sockets

/// What an exchange waits for, and how long.
extension Exchange {
  /// Nothing was decided yet, or keys, an issuer's word or an access token are waited for.
  var isUndecided: Bool {
    switch state {
    case .deciding, .waitingForKeys, .waitingForIntrospection, .waitingForRenewal: true
    case .waitingForResponder, .waitingForUpstream, .answering, .tunnelling, .answered: false
    }
  }

  /// The provider's issuer is asked about the token.
  var isWaitingForIntrospection: Bool {
    if case .waitingForIntrospection = state { true } else { false }
  }

  /// Whether it is the tunnel that it was at that generation.
  func isTunnel(_ generation: UInt64) -> Bool { state == .tunnelling && self.generation == generation }

  /// The keys of `provider`, or its word, did not come in time.
  func waitedInVain(for provider: Int, now: MonotonicTime) {
    log.keepToken(keyID: nil, provider: provider)
    log.waited(until: now)
  }

  /// What is said when the wait for keys was too long: with keys in force, the token names one that nobody has shown.
  func refusal(forWantOf provider: Int, in keys: KeySnapshot) -> RefusalResponse {
    guard keys.providers[provider].keySet != nil, let route = decision.route else {
      return RefusalResponse(.keysUnavailable)
    }
    return RefusalResponse(.keyUnknown, route.challenges)
  }

  /// How fast the client has to be; nil: it may be as slow as it likes.
  var minimumRate: MinimumRate? {
    decision.route == nil ? decision.configuration?.minimumRate : decision.route?.minimumRate
  }

  /// The route's own limit on the wait for a response.
  var responseTimeout: Duration? {
    decision.route?.configuration.responseTimeout
  }
}
