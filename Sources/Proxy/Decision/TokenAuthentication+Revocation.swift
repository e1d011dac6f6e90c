import Access
import Reason
import Tokens

extension TokenAuthentication {
  /// What has revoked a token since the cache knows it; then the cache forgets it (SECURITY T-16). nil: nothing has.
  ///
  /// As long as revocations do not change this is one comparison.
  func revoker(of hit: VerifiedTokenCache.Hit, in context: DecisionContext) -> Revoker? {
    let revocations = context.revocations
    if hit.revocationGeneration == revocations.generation { return nil }
    if let revoker = revocations.revoker(of: hit.identity) {
      context.tokens.forget(at: hit.index)
      return revoker
    }
    context.tokens.keepUnrevoked(at: hit.index, under: revocations.generation)
    return nil
  }
}

extension RevocationSnapshot {
  /// Why `identity` is refused; nil if it is not revoked.
  func refusal(of identity: Identity) -> Reason? {
    guard revoker(of: identity) != nil else { return nil }
    if case .certificate = identity { return .certificateRevoked }
    return .tokenRevoked
  }

  /// What revokes `identity`; nil if nothing does.
  func revoker(of identity: Identity) -> Revoker? {
    switch identity {
    case .anonymous: nil
    case .token(let token): revoker(of: token.claims, keyID: token.keyID)
    case .introspected(let token): revoker(of: token.claims, keyID: nil)
    case .certificate(let certificate):
      revocations.kind(revoking: certificate.claims, keyID: nil).map(Revoker.init(listed:))
    }
  }

  private func revoker(of claims: ClaimsSet, keyID: String?) -> Revoker? {
    if let kind = revocations.kind(revoking: claims, keyID: keyID) { return Revoker(listed: kind) }
    return endedSignIns.kind(revoking: claims, keyID: nil).map(Revoker.init(ended:))
  }
}

extension Revoker {
  /// By an entry of the file of revocations.
  fileprivate init(listed kind: Revocations.Kind) {
    switch kind {
    case .tokenID: self = .listedTokenID
    case .subject: self = .listedSubject
    case .keyID: self = .listedKeyID
    case .signInID: self = .listedSignInID
    }
  }

  /// By what has ended here, which is one or the other.
  fileprivate init(ended kind: Revocations.Kind) { self = kind == .tokenID ? .endedToken : .endedSignIn }
}

extension Identity {
  /// The names of which one has to be revoked for it to be: what `RevocationSnapshot.revoker(of:)` looks up.
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
