public import Crypto
internal import JSON

/// Who a verified token says its bearer is. Made here alone, behind every check.
public final class VerifiedToken: Sendable {
  public let claims: ClaimsSet
  /// The `kid` of the key that signed (RFC 7517 §4.5), also where the header names none; with a shared secret, which has
  /// no name, the header's.
  public let keyID: String?
  public let algorithm: SignatureAlgorithm
  /// What its signature was verified with.
  let key: PublicKey
  /// `exp`.
  public let expiresAt: UnixSeconds
  /// From this second on the token is refused: `exp` and the leeway, or sooner where the policy bounds its age.
  public let deadline: UnixSeconds
  /// `iat`; nil where it does not say.
  public let issuedAt: UnixSeconds?
  /// The first of its provider's audiences that it is for; nil where those take any.
  public let audience: String?
  /// Whether its header names the key, and says what it is (`typ`).
  public let namesKey: Bool
  public let saysType: Bool
  /// As the key set has it.
  private let givenKeyName: String?

  /// What the key is called, whatever the token says: its `kid` in the key set, or else its thumbprint (RFC 7638); nil: it
  /// is a secret without a name.
  public var keyName: String? { givenKeyName ?? (try? Thumbprint.of(key)) }
  public var provider: String { claims.provider }
  public var issuer: String { claims.issuer }
  /// Who it is about; nil where the token does not say.
  public var subject: String? { claims.subject }

  /// The claim at `path`; nil where the token has none.
  public func claim(_ path: ClaimPath) -> ClaimValue? { claims.claim(path) }

  fileprivate init(
    _ claims: JSONDocument, _ policy: borrowing TokenPolicy, _ signer: Signer, _ header: JOSEHeader,
    _ checked: CheckedClaims, now: UnixSeconds
  ) {
    self.claims = ClaimsSet(claims, policy, tried: policy.tryChecks(claims, header, now: now))
    keyID = signer.keyID
    key = signer.key
    algorithm = signer.algorithm
    givenKeyName = signer.keyName
    namesKey = header.keyID != nil
    saysType = header.type != nil
    expiresAt = checked.times.expiresAt
    deadline = checked.times.deadline
    issuedAt = checked.times.issuedAt
    audience = checked.audience
  }
}

/// What a signature was found to be of.
private struct Signer {
  let key: PublicKey
  /// In the key set.
  let keyName: String?
  /// There, or else in the token's header.
  let keyID: String?
  let algorithm: SignatureAlgorithm

  init(_ key: VerificationKey, named keyID: String?, _ algorithm: SignatureAlgorithm) {
    self.key = key.key
    keyName = key.keyID
    // The key's own text, where it has one: the same bytes, and one text for all of its tokens.
    self.keyID = key.keyID ?? keyID
    self.algorithm = algorithm
  }
}

/// Checks the tokens of one provider. The cheapest refusal comes first, and no claim is read before the signature holds.
public final class TokenVerifier: Sendable {
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
    try checkSize(token)
    return try verify(try CompactToken(token), of: token, keys: keys, now: now, using: signatures)
  }

  /// The token, verified, where it was decoded before.
  ///
  /// - Parameter compact: `token`, decoded.
  public func verify(
    _ compact: CompactToken, of token: Span<UInt8>, keys: KeySet?, now: UnixSeconds, using signatures: SignatureVerifier
  ) throws(TokenError) -> VerifiedToken {
    let signer = try verifySignature(compact, of: token, keys: keys, using: signatures)
    let claims = try compact.claims(keyID: signer.keyID)
    let checked = try policy.check(claims, now: now, keyID: signer.keyID)
    return VerifiedToken(claims, policy, signer, compact.header, checked, now: now)
  }

  /// Checks everything but the claims; the payload as it was signed. For looking at a token, not for letting it in.
  public func verifiedPayload(
    _ token: Span<UInt8>, keys: KeySet, using signatures: SignatureVerifier
  ) throws(TokenError) -> [UInt8] {
    try checkSize(token)
    let compact = try CompactToken(token)
    _ = try verifySignature(compact, of: token, keys: keys, using: signatures)
    return compact.payload
  }
}

extension TokenVerifier {
  private func checkSize(_ token: Span<UInt8>) throws(TokenError) {
    guard token.count <= policy.tokenBytesMax else { throw TokenError(.tooLarge(bytesMax: policy.tokenBytesMax)) }
  }

  private func verifySignature(
    _ compact: CompactToken, of token: Span<UInt8>, keys: KeySet?, using signatures: SignatureVerifier
  ) throws(TokenError) -> Signer {
    let header = compact.header
    try header.checkType(policy.type)
    guard let algorithm = header.algorithm, policy.algorithms?.contains(algorithm) ?? true else {
      throw TokenError(.algorithmRefused(allowed: policy.algorithms ?? []), keyID: header.keyID)
    }
    guard let keys else { throw TokenError(.keysUnavailable, keyID: header.keyID) }
    // RFC 8725 §3.1: a public key is never a secret, nor the other way round.
    guard algorithm.isSymmetric == keys.isSecret else {
      throw TokenError(.algorithmRefused(allowed: policy.algorithms ?? []), keyID: header.keyID)
    }
    let signed = token.extracting(0..<compact.signedCount)
    // Whoever shares a secret calls it what they like: a name says nothing of which of them signed.
    if let keyID = header.keyID, !keys.isSecret {
      let key = try self.key(named: keyID, algorithm, keys)
      guard try TokenVerifier.isSigned(compact, signed, algorithm, key, keyID, signatures) else {
        throw TokenError(.signatureInvalid, keyID: keyID)
      }
      return Signer(key, named: keyID, algorithm)
    }
    for key in try fittingKeys(algorithm, keys, keyID: header.keyID) {
      if try TokenVerifier.isSigned(compact, signed, algorithm, key, header.keyID, signatures) {
        // Its name all the same: a revoked key is no better for not being named.
        return Signer(key, named: header.keyID, algorithm)
      }
    }
    throw TokenError(.signatureInvalid, keyID: header.keyID)
  }

  /// Whether the token's signature is `key`'s over `signed`.
  private static func isSigned(
    _ compact: CompactToken, _ signed: Span<UInt8>, _ algorithm: SignatureAlgorithm, _ key: VerificationKey,
    _ keyID: String?, _ signatures: SignatureVerifier
  ) throws(TokenError) -> Bool {
    do throws(CryptoError) {
      return try signatures.isValid(compact.signature.span, over: signed, algorithm.scheme, key: key.key)
    } catch {
      throw TokenError(.crypto(error), keyID: keyID)
    }
  }

  private func key(
    named keyID: String, _ algorithm: SignatureAlgorithm, _ keys: KeySet
  ) throws(TokenError) -> VerificationKey {
    guard let key = keys.key(named: keyID) else { throw TokenError(.keyUnknown, keyID: keyID) }
    guard key.allows(algorithm) else { throw TokenError(.keyMismatch, keyID: keyID) }
    return key
  }

  /// SECURITY T-8.
  private static let unnamedKeysMax = 4

  /// The keys that may have signed a token that names none, or was signed with a secret.
  private func fittingKeys(
    _ algorithm: SignatureAlgorithm, _ keys: KeySet, keyID: String?
  ) throws(TokenError) -> [VerificationKey] {
    let fitting = keys.keys.filter { $0.allows(algorithm) }
    guard !fitting.isEmpty else { throw TokenError(.keyMismatch, keyID: keyID) }
    return Array(fitting.prefix(TokenVerifier.unnamedKeysMax))
  }
}
