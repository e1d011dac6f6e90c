import Access
import Configuration
import Reason
import Telemetry
import Tokens

/// Identifies a client that sends no token, but has shown a certificate on its connection.
extension TokenAuthentication {
  /// nil if the route takes no certificates, or the client has shown none.
  ///
  /// The result is cached on the loop as that of a token is: by the certificate's digest.
  mutating func identifyByCertificate(for route: ActiveRoute, in context: DecisionContext) -> Outcome? {
    // A certificate shown by a trusted proxy is its own.
    guard let provider = route.certificateProvider, context.client.said == nil, let secured = context.client.secured,
      let digest = secured.thumbprint
    else { return nil }
    let now = context.unixSeconds
    if let hit = context.tokens.find(
      digest.span, provider: provider, keyGeneration: VerifiedTokenCache.anyKeys, now: now)
    {
      cache = .hit
      if let revoker = revoker(of: hit, in: context) {
        return refused(.certificateRevoked, hit.identity, provider: provider, revokedBy: revoker)
      }
      self.provider = provider
      return .identity(hit.identity, cached: hit.index)
    }
    cache = .miss
    guard let rule = context.active.configuration.providers[provider].certificateRule,
      let certificate = secured.clientCertificate
    else { return .refused(.certificateRefused, keyID: nil, provider: provider) }
    let verified: CertificateIdentity
    do throws(CertificateRefusal) {
      verified = try CertificateIdentity(
        certificate, rule, context.active.configuration.providers[provider].policy, now: now)
    } catch {
      return .refused(error.reason, keyID: nil, provider: provider)
    }
    let identity = Identity.certificate(verified)
    if let revoker = context.revocations.revoker(of: identity) {
      return refused(.certificateRevoked, identity, provider: provider, revokedBy: revoker)
    }
    let place = context.tokens.insert(
      digest.span, provider: provider, keyGeneration: VerifiedTokenCache.anyKeys,
      revocationGeneration: context.revocations.generation, identity: identity, deadline: verified.deadline)
    self.provider = provider
    return .identity(identity, cached: place)
  }

  /// Whether browsers send the credential behind it by themselves, also at the request of other sites' pages.
  func isAmbient(_ identity: Identity) -> Bool {
    if case .certificate = identity { return true }
    return switch credential {
    case .cookie, .session: true
    case .absent, .authorization, .webSocketProtocol: false
    }
  }
}

extension CertificateRefusal {
  var reason: Reason {
    switch self {
    case .outOfDate: .certificateExpired
    case .nobody: .certificateRefused
    }
  }
}
