import Crypto
import JSON
import Tokens

/// Whose sessions a provider has ended (OpenID Connect Back-Channel Logout 1.0 §2.4).
struct LogoutToken: Sendable, Equatable {
  /// The provider's session; nil: all of the subject's.
  let sessionID: String?
  let subject: String?
  /// Who that is by the claim that names people on routes; nil: it has no such claim.
  let name: String?
  /// `jti`: each is good once.
  let tokenID: String
  /// `iat`, by the provider's clock.
  let issuedAt: UnixSeconds
  /// From this second on it is refused whether or not it came before.
  let deadline: UnixSeconds
}

/// Checks the logout tokens that one provider makes for this client (§2.6).
struct LogoutTokenVerifier: Sendable {
  private let typed: TokenVerifier
  private let untyped: TokenVerifier
  private let verified: @Sendable (VerifiedToken) -> Void

  static let type = "logout+jwt"
  private static let types = ["logout+jwt", "application/logout+jwt", "jwt", "application/jwt"]
  /// §2.6 asks for no replay: what is older need not be remembered.
  static let ageMaxSeconds: Int64 = 300
  private static let event = "http://schemas.openid.net/event/backchannel-logout"
  private static let identifierBytesMax = 256

  /// - Parameters:
  ///   - policy: The provider's, whose audiences, which are those of requests, do not count here.
  ///   - verified: Told of each token that is good.
  init(
    _ policy: TokenPolicy, clientID: String, verified: @escaping @Sendable (VerifiedToken) -> Void = { _ in }
  ) {
    var policy = policy
    policy.audiences = .oneOf([clientID])
    policy.ageMaxSeconds = LogoutTokenVerifier.ageMaxSeconds
    policy.requiredClaims = ["iat", "jti", "events"].map { ClaimPath(name: $0) }
    policy.type = nil
    untyped = TokenVerifier(policy)
    policy.type = LogoutTokenVerifier.type
    typed = TokenVerifier(policy)
    self.verified = verified
  }

  /// - Parameters:
  ///   - keys: The provider's; nil: it has none.
  ///   - revocations: Of keys: what one of them has signed is refused.
  func verify(
    _ token: [UInt8], keys: KeySet?, revocations: Revocations, now: UnixSeconds
  ) throws(CodeFlowFault) -> LogoutToken {
    let good: VerifiedToken
    let claims: JSONObject
    let type: String?
    do throws(TokenError) {
      good = try verify(token, keys, now)
      let decoded = try DecodedToken(token.span)
      claims = decoded.claims
      type = decoded.header["typ"]?.string?.lowercased()
    } catch {
      throw .token(.logout, error)
    }
    guard !revocations.listsKey(of: good) else { throw .tokenRefused(.logout, "its key is revoked") }
    // An access token of the same provider is none (RFC 8725 §3.11).
    if let type, !LogoutTokenVerifier.types.contains(type) {
      throw .tokenRefused(.logout, "its typ is not \(LogoutTokenVerifier.type)")
    }
    // It would pass for an ID token otherwise (§2.4).
    guard claims["nonce"] == nil else { throw .tokenRefused(.logout, "it has a nonce") }
    guard claims["events"]?.object?[LogoutTokenVerifier.event]?.object != nil else {
      throw .tokenRefused(.logout, "its events do not mention a logout")
    }
    let subject = try LogoutTokenVerifier.text("sub", claims)
    let sessionID = try LogoutTokenVerifier.text("sid", claims)
    guard subject != nil || sessionID != nil else { throw .tokenRefused(.logout, "it has no sub and no sid") }
    guard let tokenID = try LogoutTokenVerifier.text("jti", claims) else {
      throw .tokenRefused(.logout, "it has no jti")
    }
    guard let issuedAt = good.issuedAt else { throw .tokenRefused(.logout, "it has no iat") }
    verified(good)
    return LogoutToken(
      sessionID: sessionID, subject: subject, name: good.subject, tokenID: tokenID, issuedAt: issuedAt,
      deadline: good.deadline)
  }

  /// Its `typ` is recommended (§2.4), and providers of before that leave it out.
  private func verify(_ token: [UInt8], _ keys: KeySet?, _ now: UnixSeconds) throws(TokenError) -> VerifiedToken {
    do throws(TokenError) {
      return try typed.verify(token.span, keys: keys, now: now, using: SignatureVerifier())
    } catch {
      guard case .typeRefused = error.fault else { throw error }
    }
    return try untyped.verify(token.span, keys: keys, now: now, using: SignatureVerifier())
  }

  private static func text(_ name: String, _ claims: JSONObject) throws(CodeFlowFault) -> String? {
    guard let value = claims[name] else { return nil }
    guard let text = value.string, !text.isEmpty, text.utf8.count <= identifierBytesMax else {
      throw .tokenRefused(.logout, "its \(name) is not a string, or a very long one")
    }
    return text
  }
}
