import Crypto
import JSON
import Tokens

/// What a provider says of somebody who has signed in there. Made behind every check of OpenID Connect Core 1.0 §3.1.3.7.
struct IDToken: Sendable {
  /// As it came.
  let text: String
  /// Its claims, as they were signed.
  let claims: JSONObject
  /// `sub`, never empty.
  let subject: String
  /// `auth_time`, by the provider's clock; nil where it does not say.
  let authenticatedAt: UnixSeconds?

  /// `sid`, which session of the provider's it is of; nil where it does not say.
  var sessionID: String? { claims["sid"]?.string.flatMap { $0.isEmpty ? nil : $0 } }

  fileprivate init(text: String, claims: JSONObject, subject: String, authenticatedAt: UnixSeconds? = nil) {
    self.text = text
    self.claims = claims
    self.subject = subject
    self.authenticatedAt = authenticatedAt
  }

  /// One that was verified when it came, and sealed since; nil where it is none.
  init?(keptBySession text: String) {
    guard let decoded = try? DecodedToken(text.utf8Span.span), let subject = decoded.claims["sub"]?.string else {
      return nil
    }
    self.init(text: text, claims: decoded.claims, subject: subject)
  }
}

/// Checks the ID tokens that one provider makes for this client (SECURITY C-7).
struct IDTokenVerifier: Sendable {
  /// What the token is the response to.
  enum Occasion: Sendable {
    /// A code; `nonce` and `stepUp` are what was sent with the browser.
    case code(nonce: String, stepUp: StepUp?)
    /// A refresh token of a sign-in with this subject and nonce (OpenID Connect Core 1.0 §12.2).
    case refresh(subject: String, nonce: String)
  }

  private let verifier: TokenVerifier
  private let clientID: String
  private let verified: @Sendable (VerifiedToken) -> Void

  /// - Parameters:
  ///   - policy: The provider's, whose audiences, which are those of requests, do not count here.
  ///   - verified: Told of each token that is good.
  init(
    _ policy: TokenPolicy, clientID: String, verified: @escaping @Sendable (VerifiedToken) -> Void = { _ in }
  ) {
    var policy = policy
    policy.audiences = .oneOf([clientID])
    policy.type = nil
    policy.ageMaxSeconds = nil
    policy.requiredClaims = [ClaimPath(name: "sub"), ClaimPath(name: "iat")]
    policy.tokenBytesMax = IDTokenVerifier.tokenBytesMax
    verifier = TokenVerifier(policy)
    self.clientID = clientID
    self.verified = verified
  }

  /// - Parameters:
  ///   - accessToken: The one that came with it.
  ///   - keys: The provider's; nil: it has none.
  ///   - revocations: Of keys: what one of them has signed is refused.
  func verify(
    _ token: String, for occasion: Occasion, accessToken: String, keys: KeySet?, revocations: Revocations,
    now: UnixSeconds
  ) throws(CodeFlowFault) -> IDToken {
    let bytes = Array(token.utf8)
    let good: VerifiedToken
    let decoded: DecodedToken
    do throws(TokenError) {
      good = try verifier.verify(bytes.span, keys: keys, now: now, using: SignatureVerifier())
      decoded = try DecodedToken(bytes.span)
    } catch {
      throw .token(.identity, error)
    }
    guard !revocations.listsKey(of: good) else { throw .tokenRefused(.identity, "its key is revoked") }
    // An access token of the same provider for the same audience is none (RFC 8725 §3.12).
    if let type = decoded.header["typ"]?.string, !["jwt", "application/jwt"].contains(type.lowercased()) {
      throw .tokenRefused(.identity, "its typ is not JWT")
    }
    guard let subject = decoded.claims["sub"]?.string, !subject.isEmpty else {
      throw .tokenRefused(.identity, "its sub is empty")
    }
    try checkAuthorizedParty(decoded.claims)
    try IDTokenVerifier.check(decoded.claims["nonce"], subject, for: occasion)
    try IDTokenVerifier.checkHash(decoded.claims["at_hash"], of: accessToken, good.algorithm)
    if case .code(_, let stepUp?) = occasion { try stepUp.check(good.claims, now: now) }
    verified(good)
    return IDToken(
      text: token, claims: decoded.claims, subject: subject, authenticatedAt: good.claims.authenticatedAt)
  }

  /// §3.1.3.7, 4 and 5: where it is for others too, it says that it was made for this client.
  private func checkAuthorizedParty(_ claims: JSONObject) throws(CodeFlowFault) {
    switch claims["azp"] {
    case nil:
      guard (claims["aud"]?.array?.count ?? 1) <= 1 else {
        throw .tokenRefused(.identity, "it is for several audiences and has no azp")
      }
    case .string(let party) where party.isSameBytes(as: clientID): break
    default: throw .tokenRefused(.identity, "its azp is another client")
    }
  }

  private static func check(
    _ nonce: JSONValue?, _ subject: String, for occasion: Occasion
  ) throws(CodeFlowFault) {
    let expected: String
    switch occasion {
    case .code(let sent, _):
      guard nonce != nil else { throw .tokenRefused(.identity, "it has no nonce") }
      expected = sent
    case .refresh(let before, let sent):
      guard subject.isSameBytes(as: before) else { throw .tokenRefused(.identity, "its sub is another user") }
      guard nonce != nil else { return }
      expected = sent
    }
    guard let stated = nonce?.string, stated.isSameInConstantTime(as: expected) else {
      throw .tokenRefused(.identity, "its nonce is another one")
    }
  }

  /// §3.1.3.6: the left half of the access token's hash, with the hash function of the signature.
  private static func checkHash(
    _ hash: JSONValue?, of accessToken: String, _ algorithm: SignatureAlgorithm
  ) throws(CodeFlowFault) {
    guard let hash else { return }
    let function: HashFunction =
      switch algorithm.scheme {
      case .rsaPKCS1(let hash), .rsaPSS(let hash), .ecdsa(let hash), .hmac(let hash): hash
      // The one that Ed25519 itself is made with (RFC 8032 §5.1).
      case .ed25519: .sha512
      }
    let digest: [UInt8]
    do throws(CryptoError) {
      digest = try function.digest(of: accessToken.utf8Span.span)
    } catch {
      throw .crypto(error)
    }
    let half = Base64URL.text(Array(digest.prefix(function.digestBytes / 2)))
    guard let stated = hash.string, stated.isSameInConstantTime(as: half) else {
      throw .tokenRefused(.identity, "its at_hash is for another access token")
    }
  }

  /// They hold more than access tokens do, and travel in the body of a response.
  private static let tokenBytesMax = 32 * 1024
}

extension String {
  /// Whether both are the same bytes, in a time that depends on nothing but their lengths.
  func isSameInConstantTime(as other: String) -> Bool {
    let (bytes, others) = (utf8Span.span, other.utf8Span.span)
    return ConstantTime.areEqual(bytes, others)
  }
}
