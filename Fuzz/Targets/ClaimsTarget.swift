import Crypto
import JSON
import Reason
import Tokens

/// SECURITY.md T-11 to T-13 and T-17, behind a signature that holds: the input is the payload, and is signed here.
enum ClaimsTarget {
  private static let now: UnixSeconds = 1_750_000_000
  private static let leewaySeconds: Int64 = 30
  private static let ageMaxSeconds: Int64 = 300
  private static let issuer = "https://idp.example"
  private static let audiences = ["api", "other"]
  private static let secret = [UInt8]("a secret of the fuzz targets alone, good for nothing else".utf8)
  private static let header = Base64URL.encode(Array(#"{"alg":"HS256"}"#.utf8).span)
  private static let keys = try? KeySet.secret(secret)

  private static let policy = TokenPolicy(
    provider: "idp", issuer: issuer, audiences: .oneOf(audiences), leewaySeconds: leewaySeconds, tokenBytesMax: .max)
  private static let verifier = TokenVerifier(policy)
  /// Wants more of the same token.
  private static let strictVerifier = {
    var strict = policy
    strict.ageMaxSeconds = ageMaxSeconds
    strict.requiredClaims = [ClaimPath(name: "scope")]
    return TokenVerifier(strict)
  }()

  static func check(_ input: Span<UInt8>) throws(Violation) -> Outcome {
    let token = try signed(input)
    let claims = ReferenceJSON.read(input)?.object
    let mustPass = claims.map { isGood($0) } ?? false
    let mustPassStrictly = claims.map { mustPass && isYoung($0) } ?? false
    let verified = try verify(token.span, verifier, mustPass: mustPass)
    let strictlyVerified = try verify(token.span, strictVerifier, mustPass: mustPassStrictly)
    guard let verified, let claims else { return .refused }
    try check(verified, claims)
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
      verified = try verifier.verify(token, keys: keys, now: now, using: SignatureVerifier())
    } catch {
      try require(!mustPass, "good claims are accepted, not: \(error)")
      try require(error.reason.status == 401, "bad claims are their sender's fault")
      return nil
    }
    try require(mustPass, "bad claims are refused")
    return verified
  }

  // MARK: The rules once more, without the order of work and without integer arithmetic

  private static func isGood(_ claims: JSONObject) -> Bool {
    guard claims["iss"] == .string(issuer), claims["sub"].map({ $0.string != nil }) ?? true else { return false }
    switch claims["aud"] {
    case .string(let text): guard audiences.contains(text) else { return false }
    case .array(let elements):
      let texts = elements.compactMap(\.string)
      guard texts.count == elements.count, texts.contains(where: { audiences.contains($0) }) else { return false }
    default: return false
    }
    guard let expiry = seconds(claims["exp"]), expiry > Double(now - leewaySeconds) else { return false }
    for name in ["nbf", "iat"] {
      guard let value = claims[name] else { continue }
      guard let time = seconds(value), time <= Double(now + leewaySeconds) else { return false }
    }
    return true
  }

  private static func isYoung(_ claims: JSONObject) -> Bool {
    guard let issuedAt = seconds(claims["iat"]), let scope = claims["scope"] else { return false }
    return issuedAt > Double(now - leewaySeconds - ageMaxSeconds) && scope != .null
  }

  private static func seconds(_ value: JSONValue?) -> Double? {
    switch value {
    case .integer(let integer): Double(integer)
    case .number(let number): number
    default: nil
    }
  }

  /// RFC 6749 §3.3: words stand between spaces; in a list each string is one.
  private static func words(_ value: JSONValue?) -> [String] {
    switch value {
    case .string(let text):
      text.utf8.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
    case .array(let elements) where elements.allSatisfy({ $0.string != nil }): elements.compactMap(\.string)
    default: []
    }
  }

  /// Roles may be the names of an object of objects too.
  private static func roles(_ value: JSONValue?) -> [String] {
    guard case .object(let object) = value else { return words(value) }
    return object.members.allSatisfy { $0.value.object != nil } ? object.members.map(\.name) : []
  }

  // MARK: What is made of good claims

  private static func check(_ verified: VerifiedToken, _ claims: JSONObject) throws(Violation) {
    try require(verified.issuer == issuer && verified.provider == "idp", "the issuer is the provider's")
    try require(verified.subject == claims["sub"]?.string, "the subject is the token's")
    let scopes = words(claims["scope"])
    let roles = roles(claims["roles"])
    try require(verified.claims.scopes == scopes && verified.claims.roles == roles, "rights are whole words")
    for word in scopes + roles + ["", "rea", "x"] {
      try require(verified.claims.hasScope(word) == scopes.containsSameBytes(as: word), "a scope is a whole word")
      try require(verified.claims.hasRole(word) == roles.containsSameBytes(as: word), "a role is a whole word")
    }
    for member in claims.members {
      try require(verified.claim(ClaimPath(name: member.name)) != nil, "every claim can be found")
    }
  }

  /// The second at which it ends is the one from which on it is refused (T-13, T-16).
  private static func checkDeadline(
    _ verified: VerifiedToken, _ verifier: TokenVerifier, _ token: Span<UInt8>
  ) throws(Violation) {
    try require(verified.deadline > now, "an accepted token has not ended")
    let signatures = SignatureVerifier()
    let last = try? verifier.verify(token, keys: keys, now: verified.deadline - 1, using: signatures)
    try require(last != nil, "a token is good until its deadline")
    let next = try? verifier.verify(token, keys: keys, now: verified.deadline, using: signatures)
    try require(next == nil, "a token is refused from its deadline on")
  }
}
