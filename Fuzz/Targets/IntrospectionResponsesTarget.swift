import JSON
import Tokens

/// RFC 7662 §2.2: what an issuer says of a token that it was asked about is checked as a token's claims are.
enum IntrospectionResponsesTarget {
  private static let cacheSeconds: Int64 = 60

  static func check(_ input: Span<UInt8>) throws(Violation) -> Outcome {
    let claims = ReferenceJSON.read(input)?.object
    let mustPass = claims.map { ReferenceClaims.areGoodFromIssuer($0) && hasGoodType($0) } ?? false
    let mustPassStrictly = claims.map { mustPass && ReferenceClaims.areStrict($0) } ?? false
    _ = try read(input, ReferenceClaims.strictPolicy, mustPass: mustPassStrictly)
    guard let token = try read(input, ReferenceClaims.policy, mustPass: mustPass), let claims else { return .refused }
    try ReferenceClaims.check(token.claims, claims)
    let now = ReferenceClaims.now
    try require(token.deadline > now && token.deadline <= now + cacheSeconds, "the issuer's word is taken for a while")
    if let expiry = ReferenceClaims.seconds(claims["exp"]) {
      let last = Double(token.deadline - 1 - ReferenceClaims.leewaySeconds)
      try require(last < expiry, "it is not taken past the token's end")
    }
    return .accepted
  }

  private static func read(
    _ input: Span<UInt8>, _ policy: TokenPolicy, mustPass: Bool
  ) throws(Violation) -> IntrospectedToken? {
    let token: IntrospectedToken
    do throws(TokenError) {
      token = try IntrospectedToken(
        response: Array(copying: input), policy, now: ReferenceClaims.now, cacheSeconds: cacheSeconds)
    } catch {
      try require(!mustPass, "a good answer is accepted, not: \(error)")
      return nil
    }
    try require(mustPass, "a bad answer is refused")
    return token
  }

  /// RFC 6749 §7.1, RFC 9449 §6.2.
  private static func hasGoodType(_ claims: JSONObject) -> Bool {
    guard let value = claims["token_type"] else { return true }
    guard let type = value.string, type.utf8.allSatisfy({ $0 < 0x80 }) else { return false }
    return type.lowercased() == "bearer" || (type.lowercased() == "dpop" && claims["cnf"] != nil)
  }
}
