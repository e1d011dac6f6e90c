import Access
import Configuration
import Keys
import Reason
import Tokens

extension DecisionContext {
  /// Why whoever opened a tunnel would not be let in any more; nil: nothing has changed for them.
  ///
  /// What is revoked, and what the configuration and the keys say by now: nobody believes a token whose key, issuer or
  /// provider was taken away. Where a provider's keys cannot be had, nothing is known against them.
  func refusal(ofTunnelOf identity: Identity) -> Reason? {
    revocations.refusal(of: identity) ?? refusal(byKeysOf: identity)
  }

  /// Why the issuer, which was asked again, would not have the tunnel opened any more; nil: it would, or does not answer.
  func refusal(ofTunnelOf exchange: Exchange, by result: IntrospectionResult) -> Reason? {
    guard let reason = result.refusal, case .introspected(let token) = exchange.log.identity else { return nil }
    // One that is over by itself stays where its route keeps it. The issuer does not say why a token is active no longer,
    // and its clock may be ahead.
    let isOver = unixSeconds + 2 * token.claims.leewaySeconds >= token.tokenDeadline
    return isOver && exchange.decision.route?.configuration.onExpiry == .keep ? nil : reason
  }

  /// After how long it is asked again about what a tunnel was opened with; nil: there is nobody to be asked.
  func tunnelPause(of credential: IntrospectedCredential, _ provider: ProviderConfiguration) -> Duration? {
    switch credential {
    case .token: provider.introspection?.tunnelPause
    case .session: provider.codeFlow == nil ? nil : Limits.tunnelQuestionPauseMin
    }
  }

  /// The part that depends on keys and on the configuration. Certificates have their own (`endTunnelsOfCertificates`).
  func refusal(byKeysOf identity: Identity) -> Reason? {
    let claims: ClaimsSet
    var verified: VerifiedToken?
    switch identity {
    case .anonymous, .certificate: return nil
    case .introspected(let token): claims = token.claims
    case .token(let token): (claims, verified) = (token.claims, token)
    }
    let providers = active.configuration.providers
    guard let index = providers.firstIndex(where: { $0.name == claims.provider }),
      providers[index].policy.issuer.isSameBytes(as: claims.issuer)
    else { return .issuerUnknown }
    // One that is over by itself stays where its route keeps it, and issuers take a key away once its tokens are over.
    guard let verified, unixSeconds < verified.deadline, index < keys.providers.count,
      let keySet = keys.providers[index].keySet
    else { return nil }
    return keySet.isHolding(keyOf: verified) ? nil : .keyUnknown
  }
}
