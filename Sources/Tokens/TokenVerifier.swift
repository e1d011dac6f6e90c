public import Crypto
internal import JSON

/// Who a verified token says its bearer is. Made here alone, behind every check.
public final class VerifiedToken: Sendable {
  /// The provider's name in the configuration.
  public let provider: String
  public let issuer: String
  /// Who it is about; nil where the token does not say.
  public let subject: String?
  /// The header's `kid`.
  public let keyID: String?
  public let algorithm: SignatureAlgorithm
  /// `exp`.
  public let expiresAt: UnixSeconds
  /// `exp` and the leeway: from this second on the token is refused.
  public let deadline: UnixSeconds
  public let roles: [String]
  public let scopes: [String]
  public let permissions: [String]
  private let claims: [ClaimMember]

  /// The claim at `path`; nil where the token has none.
  public func claim(_ path: ClaimPath) -> ClaimValue? { claims.value(at: path) }

  fileprivate init(
    _ members: JSONObject, _ policy: TokenPolicy, keyID: String?, algorithm: SignatureAlgorithm,
    expiresAt: UnixSeconds
  ) {
    let claims = members.claimMembers
    self.claims = claims
    self.keyID = keyID
    self.algorithm = algorithm
    self.expiresAt = expiresAt
    provider = policy.provider
    issuer = policy.issuer
    deadline = expiresAt + policy.leewaySeconds
    subject = claims.value(at: policy.claims.subject)?.name
    roles = claims.value(at: policy.claims.roles)?.words ?? []
    scopes = claims.value(at: policy.claims.scopes)?.words ?? []
    permissions = claims.value(at: policy.claims.permissions)?.words ?? []
  }
}

/// Checks the tokens of one provider. The cheapest refusal comes first, and no claim is read before the signature holds.
public struct TokenVerifier: Sendable {
  public let policy: TokenPolicy

  public init(_ policy: TokenPolicy) {
    self.policy = policy
  }

  /// The token, verified.
  ///
  /// - Parameters:
  ///   - keys: nil: the provider has none. A token that no key could save is refused all the same.
  ///   - now: The time that `exp`, `nbf` and `iat` are compared with.
  ///   - signatures: The loop's own.
  public func verify(
    _ token: Span<UInt8>, keys: KeySet?, now: UnixSeconds, using signatures: SignatureVerifier
  ) throws(TokenError) -> VerifiedToken {
    let (compact, header, algorithm) = try verifySignature(token, keys: keys, using: signatures)
    let claims = try compact.claims(keyID: header.keyID)
    try checkIssuer(claims, header)
    try checkAudience(claims, header)
    let times = try TimeClaims(claims, now: now, leewaySeconds: policy.leewaySeconds, keyID: header.keyID)
    // RFC 7519 §4.1.2.
    if let subject = claims["sub"], subject.string == nil {
      throw TokenError(.claimMalformed("sub"), keyID: header.keyID)
    }
    return VerifiedToken(claims, policy, keyID: header.keyID, algorithm: algorithm, expiresAt: times.expiresAt)
  }

  /// Checks everything but the claims; the payload as it was signed. For looking at a token, not for letting it in.
  public func verifiedPayload(
    _ token: Span<UInt8>, keys: KeySet, using signatures: SignatureVerifier
  ) throws(TokenError) -> [UInt8] {
    try verifySignature(token, keys: keys, using: signatures).compact.payload
  }

  /// What `iss` says, before anything is verified: to choose among providers, and for nothing else.
  public static func unverifiedIssuer(of token: Span<UInt8>) throws(TokenError) -> String {
    guard let value = try CompactToken(token).claims(keyID: nil)["iss"] else { throw TokenError(.claimMissing("iss")) }
    guard let issuer = value.string else { throw TokenError(.claimMalformed("iss")) }
    return issuer
  }
}

extension TokenVerifier {
  private func verifySignature(
    _ token: Span<UInt8>, keys: KeySet?, using signatures: SignatureVerifier
  ) throws(TokenError) -> (compact: CompactToken, header: JOSEHeader, algorithm: SignatureAlgorithm) {
    guard token.count <= policy.tokenBytesMax else { throw TokenError(.tooLarge(bytesMax: policy.tokenBytesMax)) }
    let compact = try CompactToken(token)
    let header = try JOSEHeader(compact.header)
    guard let algorithm = header.algorithm, policy.algorithms?.contains(algorithm) ?? true else {
      throw TokenError(.algorithmRefused(allowed: policy.algorithms ?? []), keyID: header.keyID)
    }
    guard let keys else { throw TokenError(.keysUnavailable, keyID: header.keyID) }
    // RFC 8725 §3.1: a public key is never a secret, nor the other way round.
    guard algorithm.isSymmetric == keys.isSecret else {
      throw TokenError(.algorithmRefused(allowed: policy.algorithms ?? []), keyID: header.keyID)
    }
    let signed = token.extracting(0..<compact.signedCount)
    for key in try candidates(header.keyID, algorithm, keys) {
      if signatures.isValid(compact.signature.span, over: signed, algorithm.scheme, key: key.key) {
        return (compact, header, algorithm)
      }
    }
    throw TokenError(.signatureInvalid, keyID: header.keyID)
  }

  /// SECURITY.md T-8.
  private static let unnamedKeysMax = 4

  /// The keys that may have signed: the one that `kid` names or, without one, those that fit.
  private func candidates(
    _ keyID: String?, _ algorithm: SignatureAlgorithm, _ keys: KeySet
  ) throws(TokenError) -> [VerificationKey] {
    if let keyID {
      guard let key = keys.key(named: keyID) else { throw TokenError(.keyUnknown, keyID: keyID) }
      guard key.allows(algorithm) else { throw TokenError(.keyMismatch, keyID: keyID) }
      return [key]
    }
    let fitting = keys.keys.filter { $0.allows(algorithm) }
    guard !fitting.isEmpty else { throw TokenError(.keyMismatch) }
    return Array(fitting.prefix(TokenVerifier.unnamedKeysMax))
  }

  private func checkIssuer(_ claims: JSONObject, _ header: JOSEHeader) throws(TokenError) {
    guard let value = claims["iss"] else { throw TokenError(.claimMissing("iss"), keyID: header.keyID) }
    guard let issuer = value.string else { throw TokenError(.claimMalformed("iss"), keyID: header.keyID) }
    guard issuer.isSameBytes(as: policy.issuer) else {
      throw TokenError(.issuerUnknown(found: issuer), keyID: header.keyID)
    }
  }

  /// RFC 7519 §4.1.3: a string, or an array of strings.
  private func checkAudience(_ claims: JSONObject, _ header: JOSEHeader) throws(TokenError) {
    var audiences: [String] = []
    switch claims["aud"] {
    case nil:
      if policy.audiences == .any { return }
      throw TokenError(.claimMissing("aud"), keyID: header.keyID)
    case .string(let audience):
      audiences = [audience]
    case .array(let elements):
      for element in elements {
        guard let audience = element.string else { throw TokenError(.claimMalformed("aud"), keyID: header.keyID) }
        audiences.append(audience)
      }
    default:
      throw TokenError(.claimMalformed("aud"), keyID: header.keyID)
    }
    guard case .oneOf(let accepted) = policy.audiences else { return }
    for audience in audiences where accepted.containsSameBytes(as: audience) { return }
    throw TokenError(.audienceMismatch(found: audiences), keyID: header.keyID)
  }
}
