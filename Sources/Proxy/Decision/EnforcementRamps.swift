import Access
import Configuration
import HTTP
import Reason
import Sockets
import Tokens

/// How what a request's route, and the provider of its token, try is enforced for a share of senders; nil: for none.
struct EnforcementRamps {
  private let route: EnforcementRamp?
  private let provider: EnforcementRamp?

  /// - Parameter provider: The index of the one whose token it is.
  init(of routed: RoutedRequest, provider: Int) {
    route = routed.route.ramp
    let ramps = routed.active.tokenRamps
    self.provider = ramps.indices.contains(provider) ? ramps[provider] : nil
  }

  /// What the rule is told of the request.
  func facts(of routed: RoutedRequest) -> RequestFacts {
    var facts = RequestFacts(path: routed.path, now: routed.context.unixSeconds)
    guard route != nil || provider != nil else { return facts }
    facts.client = routed.context.client.address
    facts.isRampStopped = route?.isStopped ?? false
    facts.isTokenRampStopped = provider?.isStopped ?? false
    return facts
  }

  /// Counts a request of somebody who is known, and may pass.
  func countPassed(at now: MonotonicTime) {
    _ = route?.count(refused: nil, now: now)
    _ = provider?.count(refused: nil, now: now)
  }

  /// Counts a refusal for what the provider and the route try.
  ///
  /// - Returns: What was counted, where this one stops what refuses it.
  func count(
    _ refusal: Refusal, of identity: Identity, _ routed: RoutedRequest
  ) -> (by: Trier, name: String, counts: EnforcementRamp.Stop)? {
    guard let trier = refusal.trier, let claims = identity.claims else { return nil }
    let now = routed.context.now
    let sender = "\(claims.provider)\n\(claims.subject ?? routed.context.client.address?.text ?? "")"
    switch trier {
    case .provider: return provider?.count(refused: sender, now: now).map { (.provider, claims.provider, $0) }
    case .route:
      // Who has only to be authenticated anew is where the rule wants them. The remedy is no sign of it: it names what
      // has to hold beside what is lacking.
      let isCured = refusal.reason == .acrInsufficient || refusal.reason == .authenticationTooOld
      let stop = route?.count(refused: isCured ? nil : sender, now: now)
      _ = provider?.count(refused: nil, now: now)
      return stop.map { (.route, routed.route.configuration.name, $0) }
    }
  }
}
