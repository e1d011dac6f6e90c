public import Crypto
internal import JSON

/// A proof that the sender of a request holds the key that its token is bound to (RFC 9449 §4.2). Made behind every
/// check of §4.3 but one: that it comes for the first time, which takes a memory.
public struct DPoPProof: Sendable {
  /// RFC 9449 gives no bound; with an RSA key of 8192 bits a proof has about 3 KiB.
  public static let bytesMax = 8192
  /// `jti`: RFC 9449 §11.1 asks for a bound.
  public static let identifierBytesMax = 256
  /// How old a proof may be, beside what clocks may differ by (RFC 9449 §11.1).
  public static let ageMaxSeconds: Int64 = 60

  /// What may sign a proof (RFC 9449 §4.2): nothing that whoever verifies it could sign with.
  public static let algorithms = SignatureAlgorithm.allCases.filter { !$0.isSymmetric }

  /// `jti`: no two proofs of a key have the same.
  public let identifier: String
  /// From this second on it is refused by everyone, be the leeway as large as it may. Its own `exp` changes nothing:
  /// with another leeway it ends at another time.
  public let replayableUntil: UnixSeconds

  /// Verifies the proof that came with a request. The signature is looked at last: whatever is cheaper to refuse is
  /// refused before.
  ///
  /// - Parameters:
  ///   - text: The value of the DPoP field line.
  ///   - fieldLines: How many DPoP field lines the request has.
  ///   - request: What it has to be for.
  ///   - token: The token that came with it.
  ///   - thumbprint: The SHA-256 JWK thumbprint of the key that the token is bound to.
  ///   - leewaySeconds: By how much clocks may differ.
  ///   - signatures: The loop's own. It keeps nothing of the proof's key.
  public init(
    verifying text: Span<UInt8>, fieldLines: Int = 1, for request: DPoPRequest, token: Span<UInt8>,
    boundTo thumbprint: [UInt8], now: UnixSeconds, leewaySeconds: Int64, using signatures: SignatureVerifier
  ) throws(DPoPProofError) {
    guard fieldLines > 0 else { throw .missing }
    guard fieldLines == 1 else { throw .repeated(fieldLines: fieldLines) }
    guard text.count <= DPoPProof.bytesMax else { throw .tooLarge }
    let parts = try DPoPProof.parts(of: text)
    guard let headerText = Base64URL.decode(text.extracting(parts.header)),
      let payload = Base64URL.decode(text.extracting(parts.payload)),
      let signature = Base64URL.decode(text.extracting(parts.signature))
    else { throw .malformed }
    let header = try DPoPHeader(headerText)
    let claims = try DPoPClaims(payload)
    guard request.hasMethod(claims.method) else { throw .methodMismatch }
    guard request.isMeant(by: claims.target) else { throw .targetMismatch }
    try claims.checkTimes(now: now, leewaySeconds: leewaySeconds)
    let isOfToken: Bool
    do throws(CryptoError) {
      isOfToken = try DPoPProof.isHash(claims.tokenHash, of: token)
    } catch {
      throw .crypto(error)
    }
    guard isOfToken else { throw .tokenMismatch }
    let key = try header.key(boundTo: thumbprint)
    let isSigned: Bool
    do throws(CryptoError) {
      // The sender may have chosen any key: nothing of it stays behind.
      isSigned = try signatures.isValid(
        signature.span, over: text.extracting(0..<parts.payload.upperBound), header.algorithm.scheme, key: key,
        preparation: .once)
    } catch {
      throw .crypto(error)
    }
    guard isSigned else { throw .signatureInvalid }
    identifier = claims.identifier
    replayableUntil = claims.issuedAt + DPoPProof.ageMaxSeconds + TokenPolicy.leewayMaxSeconds
  }

  private static func parts(of text: Span<UInt8>) throws(DPoPProofError) -> CompactParts {
    do throws(TokenError) {
      return try CompactParts(text)
    } catch {
      throw .malformed
    }
  }

  /// RFC 9449 §4.2, `ath`: the base64url of the token's SHA-256.
  private static func isHash(_ text: String, of token: Span<UInt8>) throws(CryptoError) -> Bool {
    let digest = try HashFunction.sha256.digest(of: token)
    return ConstantTime.areEqual(text.utf8Span.span, Base64URL.encode(digest.span).span)
  }
}

/// The claims of a proof (RFC 9449 §4.2), read and not compared.
private struct DPoPClaims {
  let identifier: String
  let method: String
  let target: String
  let tokenHash: String
  let issuedAt: UnixSeconds
  private let notBefore: UnixSeconds?
  private let expiresAt: UnixSeconds?

  init(_ payload: [UInt8]) throws(DPoPProofError) {
    guard let claims = try? JSON.parse(payload.span).object else { throw .claimsInvalid }
    for name in ["jti", "htm", "htu", "iat", "ath"] where claims[name] == nil { throw .claimMissing(name) }
    identifier = try DPoPClaims.text(claims, "jti")
    guard (1...DPoPProof.identifierBytesMax).contains(identifier.utf8.count) else { throw .claimMalformed("jti") }
    method = try DPoPClaims.text(claims, "htm")
    target = try DPoPClaims.text(claims, "htu")
    tokenHash = try DPoPClaims.text(claims, "ath")
    guard let issuedAt = try DPoPClaims.time(claims, "iat") else { throw .claimMissing("iat") }
    self.issuedAt = issuedAt
    notBefore = try DPoPClaims.time(claims, "nbf")
    expiresAt = try DPoPClaims.time(claims, "exp")
  }

  /// Checks that the proof is for now. `nbf` and `exp` need not be there (RFC 9449 §4.2); who writes them means them
  /// (RFC 7519 §4.1).
  func checkTimes(now: UnixSeconds, leewaySeconds: Int64) throws(DPoPProofError) {
    let deadline = min(issuedAt + DPoPProof.ageMaxSeconds, expiresAt ?? .max)
    guard now - leewaySeconds < deadline else { throw .expired }
    guard max(issuedAt, notBefore ?? issuedAt) <= now + leewaySeconds else { throw .notYetValid }
  }

  private static func text(_ claims: JSONObject, _ name: String) throws(DPoPProofError) -> String {
    guard let text = claims[name]?.string else { throw .claimMalformed(name) }
    return text
  }

  /// Rounded down: a client that counts in milliseconds is not ahead of one that counts in seconds.
  private static func time(_ claims: JSONObject, _ name: String) throws(DPoPProofError) -> UnixSeconds? {
    // Below 2^53 sums cannot overflow.
    let bound: Int64 = 1 << 53
    switch claims[name] {
    case nil: return nil
    case .integer(let seconds): return min(max(seconds, -bound), bound)
    case .number(let seconds): return Int64(min(max(seconds.rounded(.down), Double(-bound)), Double(bound)))
    default: throw .claimMalformed(name)
    }
  }
}
