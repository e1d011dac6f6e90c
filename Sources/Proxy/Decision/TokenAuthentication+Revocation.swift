import Access
import Reason
import Tokens

extension TokenAuthentication {
  /// Whether a token that the cache knows has been revoked since; then the cache forgets it (SECURITY T-16).
  ///
  /// As long as revocations do not change this is one comparison.
  func isRevoked(_ hit: VerifiedTokenCache.Hit, in context: DecisionContext) -> Bool {
    let revocations = context.revocations
    if hit.revocationGeneration == revocations.generation { return false }
    guard revocations.kind(revoking: hit.identity) == nil else {
      context.tokens.forget(at: hit.index)
      return true
    }
    context.tokens.keepUnrevoked(at: hit.index, under: revocations.generation)
    return false
  }
}

extension RevocationSnapshot {
  /// Why `identity` is refused; nil if it is not revoked.
  func refusal(of identity: Identity) -> Reason? {
    guard kind(revoking: identity) != nil else { return nil }
    if case .certificate = identity { return .certificateRevoked }
    return .tokenRevoked
  }

  /// What revokes `identity`; nil if nothing does.
  func kind(revoking identity: Identity) -> Revocations.Kind? {
    switch identity {
    case .anonymous: nil
    case .token(let token):
      revocations.kind(revoking: token.claims, keyID: token.keyID)
        ?? endedSignIns.kind(revoking: token.claims, keyID: nil)
    case .introspected(let token):
      revocations.kind(revoking: token.claims, keyID: nil) ?? endedSignIns.kind(revoking: token.claims, keyID: nil)
    case .certificate(let certificate): revocations.kind(revoking: certificate.claims, keyID: nil)
    }
  }
}

extension Identity {
  /// The names of which one has to be revoked for it to be: what `RevocationSnapshot.kind(revoking:)` looks up.
  var revokedNames: [RevokedName] {
    switch self {
    case .anonymous: []
    case .token(let token): Revocations.names(revoking: token.claims, keyID: token.keyID)
    case .introspected(let token): Revocations.names(revoking: token.claims, keyID: nil)
    case .certificate(let certificate): Revocations.names(revoking: certificate.claims, keyID: nil)
    }
  }

  /// The `kid` of the key that signed; nil if none did, or it has none.
  var keyID: String? {
    switch self {
    case .anonymous, .introspected, .certificate: nil
    case .token(let token): token.keyID
    }
  }
}
