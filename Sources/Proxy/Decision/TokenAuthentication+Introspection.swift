import Access
import Configuration
import HTTP
import Reason
import Tokens

/// The part of authentication that asks an issuer: which tokens it is asked about, and what its responses mean.
extension TokenAuthentication {
  /// The candidate that is asked about the token; nil if it is verified here.
  ///
  /// An opaque token is for the only candidate that introspects. A JWT is shown to no issuer that has not asked for all
  /// of its tokens, nor to one other than the issuer that it names.
  static func introspecting(_ token: Span<UInt8>, _ candidates: InlineCandidates, _ context: DecisionContext) -> Int? {
    let configured = context.active.configuration.providers
    for index in 0..<candidates.count {
      let provider = candidates[index]
      guard let introspection = configured[provider].introspection else { continue }
      guard TokenForm.isCompact(token) else { return provider }
      guard introspection.tokens == .all else { return nil }
      guard let issuer = try? CompactToken(token).unverifiedIssuer() else { return provider }
      return issuer.isSameBytes(as: configured[provider].policy.issuer) ? provider : nil
    }
    return nil
  }

  /// Asks the issuer of `provider`; for a session, the store that keeps it.
  mutating func introspect(_ token: Span<UInt8>, waiting: Wait, in context: DecisionContext) -> Outcome {
    let place = place(of: provider, in: context)
    guard TokenForm.isBearerToken(token) else { return .refused(.tokenMalformed, keyID: nil, provider: provider) }
    if place == provider {
      do throws(TokenError) {
        try IntrospectedToken.checkHeader(token, context.active.verifiers[provider].policy)
      } catch {
        return .refused(error.reason, keyID: error.keyID, provider: provider)
      }
    }
    switch waiting {
    case .introspected(let result): return outcome(of: result, token, place, context)
    case .allowed:
      if let reason = context.refusedTokens.find(token, provider: place, now: context.unixSeconds) {
        return .refused(reason, keyID: nil, provider: provider)
      }
      return .needsIntrospection(credential.introspected(token), provider: provider)
    case .over: return .refused(.introspectionUnavailable, keyID: nil, provider: provider)
    }
  }

  /// The place under which the loop remembers the result for a credential: a session id is not a token, even if it is
  /// sent as one.
  func place(of provider: Int, in context: DecisionContext) -> Int {
    guard case .session = credential else { return provider }
    return provider + context.active.providerNames.count
  }

  private mutating func outcome(
    of result: IntrospectionResult, _ token: Span<UInt8>, _ place: Int, _ context: DecisionContext
  ) -> Outcome {
    switch result {
    case .active(let introspected):
      let identity = Identity.introspected(introspected)
      if let revoker = context.revocations.revoker(of: identity) {
        return refused(.tokenRevoked, identity, provider: provider, revokedBy: revoker)
      }
      guard context.unixSeconds < introspected.deadline else { return .identity(identity, cached: nil) }
      let index = context.tokens.insert(
        token, provider: place, keyGeneration: VerifiedTokenCache.anyKeys,
        revocationGeneration: context.revocations.generation, identity: identity, deadline: introspected.deadline)
      return .identity(identity, cached: index)
    case .inactive: return .refused(.tokenInactive, keyID: nil, provider: provider)
    case .refused(let error):
      keepClaims(of: error, provider, context.unixSeconds, context)
      return .refused(error.reason, keyID: nil, provider: provider)
    case .unavailable: return .refused(.introspectionUnavailable, keyID: nil, provider: provider)
    }
  }
}

extension IntrospectionResult {
  /// Why the token is refused, if that is the fault of the token; otherwise nil.
  var refusal: Reason? {
    switch self {
    case .active, .unavailable: nil
    case .inactive: .tokenInactive
    case .refused(let error): error.reason
    }
  }
}
