internal import JSON

/// `exp`, `nbf` and `iat` (RFC 7519 §4.1), which may have fractions.
struct TimeClaims {
  /// The first second at which the token is dead, without leeway; far away where an issuer does not say.
  let expiresAt: UnixSeconds
  /// The first second at which it is refused: with the leeway, and not older than the policy lets it be.
  let deadline: UnixSeconds
  /// The first second at which it is good: `nbf` and `iat`, less the leeway; `.min` where the claims do not say.
  let validFrom: UnixSeconds
  /// nil: the claims do not say.
  let issuedAt: UnixSeconds?

  /// Checks that `now` lies between them, with the leeway on each side.
  init(
    _ claims: JSONDocument, from origin: ClaimsOrigin, _ policy: TokenPolicy, now: UnixSeconds, keyID: String?
  ) throws(TokenError) {
    let leeway = policy.leewaySeconds
    let stated = try TimeClaims.time(claims, "exp", keyID: keyID)
    guard let expiresAt = stated ?? (origin == .issuer ? TimeClaims.bound : nil) else {
      throw TokenError(.claimMissing("exp"), keyID: keyID)
    }
    guard now < expiresAt + leeway else { throw TokenError(.expired(at: expiresAt), keyID: keyID) }
    let notBefore = try TimeClaims.time(claims, "nbf", keyID: keyID)
    if let notBefore, now + leeway < notBefore {
      throw TokenError(.notYetValid(until: notBefore), keyID: keyID)
    }
    let issuedAt = try TimeClaims.time(claims, "iat", keyID: keyID)
    if let issuedAt, now + leeway < issuedAt {
      throw TokenError(.issuedInFuture(at: issuedAt), keyID: keyID)
    }
    self.expiresAt = expiresAt
    self.issuedAt = issuedAt
    validFrom = [notBefore, issuedAt].compactMap(\.self).max().map { $0 - leeway } ?? .min
    guard let ageMax = policy.ageMaxSeconds else {
      deadline = expiresAt + leeway
      return
    }
    guard let issuedAt else { throw TokenError(.claimMissing("iat"), keyID: keyID) }
    deadline = min(expiresAt, issuedAt + ageMax) + leeway
    guard now < deadline else { throw TokenError(.tooOld(issuedAt: issuedAt), keyID: keyID) }
  }

  /// 2^53 seconds are 285 million years; below it sums cannot overflow.
  private static let bound: Int64 = 1 << 53

  /// Rounded up: `now`, a whole number, lies before a fraction of a second exactly if it lies before the next whole one.
  private static func time(_ claims: JSONDocument, _ name: String, keyID: String?) throws(TokenError) -> UnixSeconds? {
    guard let place = claims.member(name, of: claims.root) else { return nil }
    if let seconds = claims.integer(place) { return min(max(seconds, -bound), bound) }
    if let seconds = claims.number(place) {
      return Int64(min(max(seconds.rounded(.up), Double(-bound)), Double(bound)))
    }
    throw TokenError(.claimMalformed(name), keyID: keyID)
  }
}
