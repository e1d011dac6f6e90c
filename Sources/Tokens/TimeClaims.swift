internal import JSON

/// `exp`, `nbf` and `iat` (RFC 7519 §4.1), which may have fractions.
struct TimeClaims {
  /// The first second at which the token is dead, without leeway.
  let expiresAt: UnixSeconds

  /// Checks that `now` lies between them, with the leeway on each side.
  init(
    _ claims: JSONObject, now: UnixSeconds, leewaySeconds: Int64, keyID: String?
  ) throws(TokenError) {
    guard let expiresAt = try TimeClaims.time(claims, "exp", keyID: keyID) else {
      throw TokenError(.claimMissing("exp"), keyID: keyID)
    }
    let notBefore = try TimeClaims.time(claims, "nbf", keyID: keyID)
    let issuedAt = try TimeClaims.time(claims, "iat", keyID: keyID)
    guard now < expiresAt + leewaySeconds else { throw TokenError(.expired(at: expiresAt), keyID: keyID) }
    if let notBefore, now + leewaySeconds < notBefore {
      throw TokenError(.notYetValid(until: notBefore), keyID: keyID)
    }
    if let issuedAt, now + leewaySeconds < issuedAt {
      throw TokenError(.issuedInFuture(at: issuedAt), keyID: keyID)
    }
    self.expiresAt = expiresAt
  }

  /// Rounded up: `now`, a whole number, lies before a fraction of a second exactly if it lies before the next whole one.
  private static func time(_ claims: JSONObject, _ name: String, keyID: String?) throws(TokenError) -> UnixSeconds? {
    // 2^53 seconds are 285 million years; below it sums cannot overflow.
    let bound: Int64 = 1 << 53
    switch claims[name] {
    case nil: return nil
    case .integer(let seconds): return min(max(seconds, -bound), bound)
    case .number(let seconds): return Int64(min(max(seconds.rounded(.up), Double(-bound)), Double(bound)))
    default: throw TokenError(.claimMalformed(name), keyID: keyID)
    }
  }
}
