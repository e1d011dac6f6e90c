import Access
import Configuration
import Keys
import Reason
import Tokens

extension DecisionContext {
  /// Why the sender who opened a tunnel would be refused by now; nil if nothing has changed for them.
  ///
  /// Covers revocations, the configuration and the keys: a token is not accepted any more once its key, issuer or
  /// provider was removed. If the keys of a provider are unavailable, its tokens are not affected.
  func refusal(ofTunnelOf identity: Identity) -> Reason? {
    revocations.refusal(of: identity) ?? refusal(byKeysOf: identity)
  }

  /// Why the tunnel would be refused by now, according to another introspection; nil if it would not be, or the issuer
  /// does not answer.
  func refusal(ofTunnelOf exchange: Exchange, by result: IntrospectionResult) -> Reason? {
    guard let reason = result.refusal, case .introspected(let token) = exchange.log.identity else { return nil }
    // The tunnel of an expired token stays open if its route says so. The issuer does not say why a token is no longer
    // active, and its clock may be ahead.
    let isOver = unixSeconds + 2 * token.claims.leewaySeconds >= token.tokenDeadline
    return isOver && exchange.decision.route?.configuration.onExpiry == .keep ? nil : reason
  }

  /// The interval at which the credential of a tunnel is introspected again; nil if there is nothing to ask.
  func tunnelPause(of credential: IntrospectedCredential, _ provider: ProviderConfiguration) -> Duration? {
    switch credential {
    case .token: provider.introspection?.tunnelPause
    case .session: provider.codeFlow == nil ? nil : Limits.tunnelQuestionPauseMin
    }
  }

  /// The part that depends on keys and on the configuration. Certificates are handled separately
  /// (`endTunnelsOfCertificates`).
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
    // The tunnel of an expired token stays open if its route says so, and issuers remove a key once its tokens have
    // expired.
    guard let verified, unixSeconds < verified.deadline, index < keys.providers.count,
      let keySet = keys.providers[index].keySet
    else { return nil }
    return keySet.isHolding(keyOf: verified) ? nil : .keyUnknown
  }
}
