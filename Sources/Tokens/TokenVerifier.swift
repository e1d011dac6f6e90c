public import Crypto
internal import JSON

/// A token whose signature and claims were verified. Only this file can create one.
public final class VerifiedToken: Sendable {
  /// Its claims set, verified.
  public let claims: ClaimsSet
  /// The `kid` of the key that signed (RFC 7517 §4.5), also if the header names none; for a shared secret, which has no
  /// name, that of the header; nil if there is neither.
  public let keyID: String?
  /// The algorithm that it is signed with.
  public let algorithm: SignatureAlgorithm
  /// The key that its signature was verified with.
  let key: PublicKey
  /// `exp`, in seconds since 1970.
  public let expiresAt: UnixSeconds
  /// The token is refused from this second on: `exp` plus the leeway, or earlier if the policy limits its age.
  public let deadline: UnixSeconds
  /// The token is refused before this second: the later of `nbf` and `iat`, less the leeway; `.min` if it has neither.
  public let validFrom: UnixSeconds
  /// `iat`, in seconds since 1970; nil if the token has none.
  public let issuedAt: UnixSeconds?
  /// The first of its provider's audiences that the token is for; nil if the provider accepts any.
  public let audience: String?
  /// Whether its header names the key (`kid`).
  public let namesKey: Bool
  /// Whether its header states its type (`typ`).
  public let saysType: Bool
  /// The name of the key in the key set; nil if it has none.
  private let givenKeyName: String?

  /// The name of the key, whatever the token says: its `kid` in the key set, or else its thumbprint (RFC 7638); nil for
  /// a secret without a name.
  public var keyName: String? { givenKeyName ?? (try? Thumbprint.of(key)) }
  /// The provider's name in the configuration.
  public var provider: String { claims.provider }
  /// The issuer (`iss`), which is the one that the provider is configured with.
  public var issuer: String { claims.issuer }
  /// The subject (`sub`); nil if the token has none.
  public var subject: String? { claims.subject }

  /// The claim at `path`; nil if the token has none.
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
    validFrom = checked.times.validFrom
    issuedAt = checked.times.issuedAt
    audience = checked.audience
  }
}

/// The key and algorithm that a signature was verified with.
private struct Signer {
  let key: PublicKey
  /// The name of the key in the key set; nil if it has none.
  let keyName: String?
  /// The name of the key in the key set, or else in the header of the token.
  let keyID: String?
  let algorithm: SignatureAlgorithm

  init(_ key: VerificationKey, named keyID: String?, _ algorithm: SignatureAlgorithm) {
    self.key = key.key
    keyName = key.keyID
    // The key's own string, if it has one: the same bytes, but shared by all of its tokens.
    self.keyID = key.keyID ?? keyID
    self.algorithm = algorithm
  }
}

/// Verifies the tokens of one provider. The cheapest checks come first, and no claim is read before the signature is
/// verified.
public final class TokenVerifier: Sendable {
  /// What the provider's tokens have to satisfy.
  public let policy: TokenPolicy

  /// - Parameter policy: What the provider's tokens have to satisfy.
  public init(_ policy: TokenPolicy) {
    self.policy = policy
  }

  /// Verifies a token.
  ///
  /// - Parameters:
  ///   - keys: nil if the provider has no keys yet; a token that no key could make valid is still refused for its own
  ///     reason.
  ///   - now: The time that `exp`, `nbf` and `iat` are compared with, in seconds since 1970.
  ///   - signatures: That of the loop, or of whoever else verifies.
  /// - Throws: `TokenError`, with the reason of the first check that failed.
  public func verify(
    _ token: Span<UInt8>, keys: KeySet?, now: UnixSeconds, using signatures: SignatureVerifier
  ) throws(TokenError) -> VerifiedToken {
    try checkSize(token)
    return try verify(try CompactToken(token), of: token, keys: keys, now: now, using: signatures)
  }

  /// Verifies a token that has been decoded already.
  ///
  /// - Parameter compact: `token`, decoded. Its size is not checked again.
  public func verify(
    _ compact: CompactToken, of token: Span<UInt8>, keys: KeySet?, now: UnixSeconds, using signatures: SignatureVerifier
  ) throws(TokenError) -> VerifiedToken {
    let signer = try verifySignature(compact, of: token, keys: keys, using: signatures)
    let claims = try compact.claims(keyID: signer.keyID)
    let checked = try policy.checkBelieved(claims, now: now, keyID: signer.keyID)
    return VerifiedToken(claims, policy, signer, compact.header, checked, now: now)
  }

  /// What a token states that its caller has just signed with `key`: it passes every check but that of its signature,
  /// which costs as much as signing and could tell nothing new.
  ///
  /// - Parameters:
  ///   - token: Of the caller's own making. Of one that came from anywhere else this proves nothing.
  ///   - now: As in `verify`.
  /// - Throws: `TokenError`, with the reason for which `verify` would refuse it; `keyMismatch` for a token of another key.
  public func checkIssued(
    _ token: Span<UInt8>, by key: IssuerKey, now: UnixSeconds
  ) throws(TokenError) -> ClaimsSet {
    try checkSize(token)
    let compact = try CompactToken(token)
    let algorithm = try acceptedAlgorithm(compact.header)
    guard algorithm == key.algorithm, let keyID = compact.header.keyID, keyID.isSameBytes(as: key.keyID) else {
      throw TokenError(.keyMismatch, keyID: compact.header.keyID)
    }
    let claims = try compact.claims(keyID: key.keyID)
    _ = try policy.check(claims, now: now, keyID: key.keyID)
    return ClaimsSet(claims, policy)
  }

  /// Verifies everything but the claims, and returns the payload as it was signed. For inspecting a token, not for
  /// accepting it.
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

  /// The algorithm of a header whose type and algorithm the policy accepts.
  private func acceptedAlgorithm(_ header: JOSEHeader) throws(TokenError) -> SignatureAlgorithm {
    try header.checkType(policy.type)
    guard let algorithm = header.algorithm, policy.algorithms?.contains(algorithm) ?? true else {
      throw TokenError(.algorithmRefused(allowed: policy.algorithms ?? []), keyID: header.keyID)
    }
    return algorithm
  }

  private func verifySignature(
    _ compact: CompactToken, of token: Span<UInt8>, keys: KeySet?, using signatures: SignatureVerifier
  ) throws(TokenError) -> Signer {
    let header = compact.header
    let algorithm = try acceptedAlgorithm(header)
    guard let keys else { throw TokenError(.keysUnavailable, keyID: header.keyID) }
    // RFC 8725 §3.1: a public key is never used as a secret, nor a secret as a public key.
    guard algorithm.isSymmetric == keys.isSecret else {
      throw TokenError(.algorithmRefused(allowed: policy.algorithms ?? []), keyID: header.keyID)
    }
    let signed = token.extracting(0..<compact.signedCount)
    // The parties that share a secret name it as they like: the name does not tell which of them signed.
    if let keyID = header.keyID, !keys.isSecret {
      let key = try self.key(named: keyID, algorithm, keys)
      guard try TokenVerifier.isSigned(compact, signed, algorithm, key, keyID, signatures) else {
        throw TokenError(.signatureInvalid, keyID: keyID)
      }
      return Signer(key, named: keyID, algorithm)
    }
    for key in try fittingKeys(algorithm, keys, keyID: header.keyID) {
      if try TokenVerifier.isSigned(compact, signed, algorithm, key, header.keyID, signatures) {
        // The name of the key is recorded nonetheless: a revoked key is no better for not being named.
        return Signer(key, named: header.keyID, algorithm)
      }
    }
    throw TokenError(.signatureInvalid, keyID: header.keyID)
  }

  /// Whether the signature of the token is the signature of `key` over `signed`.
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

  /// The maximum number of keys tried for a token that names none (SECURITY T-8).
  public static let unnamedKeysMax = 4

  /// The keys that may have signed a token that names none, or that is signed with a secret; at most `unnamedKeysMax`.
  private func fittingKeys(
    _ algorithm: SignatureAlgorithm, _ keys: KeySet, keyID: String?
  ) throws(TokenError) -> [VerificationKey] {
    let fitting = keys.keys.filter { $0.allows(algorithm) }
    guard !fitting.isEmpty else { throw TokenError(.keyMismatch, keyID: keyID) }
    return Array(fitting.prefix(TokenVerifier.unnamedKeysMax))
  }
}
