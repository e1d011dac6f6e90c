import Configuration
import Keys
import Reason
import Sockets

/// What an exchange waits for, and for how long.
extension Exchange {
  /// Whether nothing has been decided yet; also while keys, introspection or an access token are awaited.
  var isUndecided: Bool {
    switch state {
    case .deciding, .waitingForKeys, .waitingForIntrospection, .waitingForRenewal: true
    case .waitingForResponder, .waitingForUpstream, .answering, .tunnelling, .answered: false
    }
  }

  /// Whether the exchange waits for keys.
  var isWaitingForKeys: Bool {
    if case .waitingForKeys = state { true } else { false }
  }

  /// Whether the exchange waits for keys, and `keys` are the answer.
  func isWaiting(for keys: KeySnapshot) -> Bool {
    guard case .waitingForKeys(let provider, let answers) = state else { return false }
    return keys.providers[provider].answers != answers
  }

  /// Whether the exchange waits for introspection.
  var isWaitingForIntrospection: Bool {
    if case .waitingForIntrospection = state { true } else { false }
  }

  /// Whether the exchange is a tunnel, and still the one of that generation.
  func isTunnel(_ generation: UInt64) -> Bool { state == .tunnelling && self.generation == generation }

  /// The keys of `provider`, or its introspection response, did not arrive in time.
  func waitedInVain(for provider: Int, now: MonotonicTime) {
    log.keepToken(keyID: nil, provider: decision.configuration?.providerNames[provider])
    log.waited(until: now)
  }

  /// The refusal when the wait for keys has timed out: if there are keys in force, the token names one that is unknown.
  func refusal(forWantOf provider: Int, in keys: KeySnapshot) -> RefusalResponse {
    guard keys.providers[provider].keySet != nil, let route = decision.route else {
      return RefusalResponse(.keysUnavailable)
    }
    return RefusalResponse(.keyUnknown, route.challenges)
  }

  /// The minimum transfer rate of the client; nil if there is none.
  var minimumRate: MinimumRate? {
    decision.route == nil ? decision.configuration?.minimumRate : decision.route?.minimumRate
  }

  /// The route's own limit on the wait for a response; nil if it has none.
  var responseTimeout: Duration? {
    decision.route?.configuration.responseTimeout
  }
}
