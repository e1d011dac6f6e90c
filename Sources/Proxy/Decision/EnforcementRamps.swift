import Access
import Configuration
import HTTP
import Reason
import Sockets
import Tokens

/// The enforcement state of the `try` of a request's route, and of that of its token's provider; nil if it is enforced
/// for nobody.
struct EnforcementRamps {
  private let route: EnforcementRamp?
  private let provider: EnforcementRamp?

  /// - Parameter provider: The index of the token's provider.
  init(of routed: RoutedRequest, provider: Int) {
    route = routed.route.ramp
    let ramps = routed.active.tokenRamps
    self.provider = ramps.indices.contains(provider) ? ramps[provider] : nil
  }

  /// The facts about the request that its rule depends on.
  func facts(of routed: RoutedRequest) -> RequestFacts {
    var facts = RequestFacts(path: routed.path, now: routed.context.unixSeconds)
    guard route != nil || provider != nil else { return facts }
    facts.client = routed.context.client.address
    facts.isRampStopped = route?.isStopped ?? false
    facts.isTokenRampStopped = provider?.isStopped ?? false
    return facts
  }

  /// Counts a request of a known sender that may pass.
  func countPassed(at now: MonotonicTime) {
    _ = route?.count(refused: nil, now: now)
    _ = provider?.count(refused: nil, now: now)
  }

  /// Counts a refusal by the `try` of the provider or the route.
  ///
  /// - Returns: The counts, if this refusal stopped enforcement; otherwise nil.
  func count(
    _ refusal: Refusal, of identity: Identity, _ routed: RoutedRequest
  ) -> (by: Trier, name: String, counts: EnforcementRamp.Stop)? {
    guard let trier = refusal.trier, let claims = identity.claims else { return nil }
    let now = routed.context.now
    let sender = "\(claims.provider)\n\(claims.subject ?? routed.context.client.address?.counted.text ?? "")"
    switch trier {
    case .provider: return provider?.count(refused: sender, now: now).map { (.provider, claims.provider, $0) }
    case .route:
      // A user who only has to authenticate again does what the rule intends. The remedy does not tell: it also names
      // conditions other than the failed one.
      let isCured = refusal.reason == .acrInsufficient || refusal.reason == .authenticationTooOld
      let stop = route?.count(refused: isCured ? nil : sender, now: now)
      _ = provider?.count(refused: nil, now: now)
      return stop.map { (.route, routed.route.configuration.name, $0) }
    }
  }
}
