import Crypto
import JSON
import Reason
import Tokens

/// SECURITY T-11 to T-13 and T-17, behind a signature that holds: the input is the payload, and is signed here.
enum ClaimsTarget {
  private static let secret = [UInt8]("a secret of the fuzz targets alone, good for nothing else".utf8)
  private static let header = Base64URL.encode(Array(#"{"alg":"HS256"}"#.utf8).span)
  private static let keys = try? KeySet.secret(secret)
  private static let verifier = TokenVerifier(ReferenceClaims.policy)
  private static let strictVerifier = TokenVerifier(ReferenceClaims.strictPolicy)

  static func check(_ input: Span<UInt8>) throws(Violation) -> Outcome {
    let token = try signed(input)
    let claims = ReferenceJSON.read(input)?.object
    let mustPass = claims.map { ReferenceClaims.areGood($0) } ?? false
    let mustPassStrictly = claims.map { mustPass && ReferenceClaims.areStrict($0) } ?? false
    let verified = try verify(token.span, verifier, mustPass: mustPass)
    let strictlyVerified = try verify(token.span, strictVerifier, mustPass: mustPassStrictly)
    guard let verified, let claims else { return .refused }
    try ReferenceClaims.check(verified.claims, claims)
    try checkDeadline(verified, verifier, token.span)
    if let strictlyVerified { try checkDeadline(strictlyVerified, strictVerifier, token.span) }
    return .accepted
  }

  private static func signed(_ payload: Span<UInt8>) throws(Violation) -> [UInt8] {
    var token = header + [UInt8(ascii: ".")]
    token += Base64URL.encode(payload)
    guard let code = try? MessageAuthentication.code(for: token.span, secret: secret.span, .sha256) else {
      throw Violation("an HMAC can be made")
    }
    return token + [UInt8(ascii: ".")] + Base64URL.encode(code.span)
  }

  private static func verify(
    _ token: Span<UInt8>, _ verifier: TokenVerifier, mustPass: Bool
  ) throws(Violation) -> VerifiedToken? {
    let verified: VerifiedToken
    do throws(TokenError) {
      verified = try verifier.verify(token, keys: keys, now: ReferenceClaims.now, using: SignatureVerifier())
    } catch {
      try require(!mustPass, "good claims are accepted, not: \(error)")
      try require(error.reason.status == 401, "bad claims are their sender's fault")
      return nil
    }
    try require(mustPass, "bad claims are refused")
    return verified
  }

  /// The second at which it ends is the one from which on it is refused (T-13, T-16).
  private static func checkDeadline(
    _ verified: VerifiedToken, _ verifier: TokenVerifier, _ token: Span<UInt8>
  ) throws(Violation) {
    try require(verified.deadline > ReferenceClaims.now, "an accepted token has not ended")
    let signatures = SignatureVerifier()
    let last = try? verifier.verify(token, keys: keys, now: verified.deadline - 1, using: signatures)
    try require(last != nil, "a token is good until its deadline")
    let next = try? verifier.verify(token, keys: keys, now: verified.deadline, using: signatures)
    try require(next == nil, "a token is refused from its deadline on")
  }
}
