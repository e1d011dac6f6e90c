internal import JSON

/// Who states a claims set.
enum ClaimsOrigin {
  /// A token: `iss` and `exp` have to be there.
  case token
  /// An issuer that was asked: it may leave them out (RFC 7662 §2.2).
  case issuer
}

/// What is known of claims that have passed.
struct CheckedClaims {
  let times: TimeClaims
  /// The first of the policy's audiences that they name; nil where it takes any.
  let audience: String?
}

/// The checks of a claims set (RFC 7519 §4.1) that do not depend on how it came to be believed.
extension TokenPolicy {
  /// In the order of the refusals: issuer, audience, times, subject, token id, what the policy requires.
  ///
  /// - Parameters:
  ///   - now: The time that `exp`, `nbf` and `iat` are compared with.
  ///   - keyID: For the error.
  func check(
    _ claims: JSONDocument, from origin: ClaimsOrigin = .token, now: UnixSeconds, keyID: String?
  ) throws(TokenError) -> CheckedClaims {
    try checkIssuer(claims, origin, keyID)
    let audience = try checkAudience(claims, keyID)
    let times = try TimeClaims(claims, from: origin, self, now: now, keyID: keyID)
    // RFC 7519 §4.1.2, §4.1.7. What is no string could not be found among revoked ids.
    for name in ["sub", "jti"] {
      guard let place = claims.member(name, of: claims.root), claims.kind(place) != .string else { continue }
      throw TokenError(.claimMalformed(name), keyID: keyID)
    }
    // SECURITY I-9. Nobody would be revoked by an address that counts as absent, nor be told by one that proves nothing.
    if self.claims.subject.isEmail, claims.place(self.claims.subject) != nil,
      EmailTrust(claims, emailVerification) != .proven
    {
      throw TokenError(.claimMissing("email_verified"), keyID: keyID)
    }
    for path in requiredClaims {
      guard let place = claims.place(path), claims.kind(place) != .null else {
        throw TokenError(.claimMissing(path.description), keyID: keyID)
      }
    }
    return CheckedClaims(times: times, audience: audience)
  }

  /// The same for claims that are believed, whose refusal says whom they are about.
  func checkBelieved(
    _ claims: JSONDocument, from origin: ClaimsOrigin = .token, now: UnixSeconds, keyID: String?
  ) throws(TokenError) -> CheckedClaims {
    do throws(TokenError) {
      return try check(claims, from: origin, now: now, keyID: keyID)
    } catch {
      throw TokenError(error.fault, keyID: keyID, subject: subject(ofRefused: claims, from: origin))
    }
  }

  /// Who the claims are about; nil where they are another issuer's, to whom the name may stand for somebody else, and
  /// where it is an address that they do not prove (SECURITY I-9).
  func subject(ofRefused claims: JSONDocument, from origin: ClaimsOrigin) -> String? {
    if let place = claims.member("iss", of: claims.root) {
      guard claims.isString(place, issuer) else { return nil }
    } else if origin == .token {
      return nil
    }
    if self.claims.subject.isEmail, EmailTrust(claims, emailVerification) != .proven { return nil }
    return ClaimsSet.subject(of: claims, self)
  }

  private func checkIssuer(_ claims: JSONDocument, _ origin: ClaimsOrigin, _ keyID: String?) throws(TokenError) {
    guard let place = claims.member("iss", of: claims.root) else {
      if origin == .issuer { return }
      throw TokenError(.claimMissing("iss"), keyID: keyID)
    }
    if claims.isString(place, issuer) { return }
    guard let found = claims.string(place) else { throw TokenError(.claimMalformed("iss"), keyID: keyID) }
    throw TokenError(.issuerUnknown(found: found), keyID: keyID)
  }

  /// RFC 7519 §4.1.3: a string, or an array of strings. The first of the policy's that is among them.
  private func checkAudience(_ claims: JSONDocument, _ keyID: String?) throws(TokenError) -> String? {
    let accepted: [String] = if case .oneOf(let texts) = audiences { texts } else { [] }
    guard let place = claims.member("aud", of: claims.root) else {
      if audiences == .any { return nil }
      throw TokenError(.claimMissing("aud"), keyID: keyID)
    }
    var first = accepted.count
    switch claims.kind(place) {
    case .string:
      first = TokenPolicy.place(of: place, claims, among: accepted[..<first])
    case .array:
      var next = claims.firstElement(of: place)
      while let element = next {
        guard claims.kind(element) == .string else { throw TokenError(.claimMalformed("aud"), keyID: keyID) }
        first = TokenPolicy.place(of: element, claims, among: accepted[..<first])
        next = claims.element(after: element, of: place)
      }
    default:
      throw TokenError(.claimMalformed("aud"), keyID: keyID)
    }
    if first < accepted.count { return accepted[first] }
    if audiences == .any { return nil }
    throw TokenError(.audienceMismatch(found: TokenPolicy.texts(claims, place)), keyID: keyID)
  }

  /// Where the audience stands among those; their end where it does not.
  private static func place(
    of audience: JSONDocument.Place, _ claims: JSONDocument, among accepted: ArraySlice<String>
  ) -> Int {
    for index in accepted.indices where claims.isString(audience, accepted[index]) { return index }
    return accepted.endIndex
  }

  private static func texts(_ claims: JSONDocument, _ place: JSONDocument.Place) -> [String] {
    if let text = claims.string(place) { return [text] }
    var texts: [String] = []
    var next = claims.firstElement(of: place)
    while let element = next {
      if let text = claims.string(element) { texts.append(text) }
      next = claims.element(after: element, of: place)
    }
    return texts
  }
}
