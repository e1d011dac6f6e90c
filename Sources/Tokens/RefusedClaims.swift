internal import JSON
public import Reason

/// What the claims that are believed were expected to say, and what they say, where a token is refused for them.
/// For the operator, and nobody else. Both are bounded, as they are kept.
public struct RefusedClaims: Sendable, Equatable {
  /// The reason for which the token is refused.
  public let reason: Reason
  /// What would have been good: `"aud" with "api"`.
  public let expected: String
  /// What there was instead. The issuer's words are quoted, each cut at 100 bytes.
  public let found: String

  /// Audiences that are named; of the others it is said how many they are.
  static let audiencesMax = 5

  /// - Parameters:
  ///   - error: Of the verifier or of an issuer's response, never of a token that was only looked at: there is no other
  ///     sign that its claims may be believed.
  ///   - policy: What it was checked against.
  ///   - now: When.
  /// - Returns: nil where it is not refused for its claims.
  public init?(_ error: TokenError, _ policy: TokenPolicy, now: UnixSeconds) {
    let leeway = policy.leewaySeconds
    switch error.fault {
    case .tooLarge, .malformed, .encrypted, .headerInvalid, .extensionRefused, .typeRefused, .algorithmRefused,
      .keyMismatch, .keyUnknown, .keysUnavailable, .signatureInvalid, .crypto:
      return nil
    case .claimsInvalid: (expected, found) = ("claims that are a strict JSON object", "others")
    case .claimMissing(let name):
      (expected, found) = ("the claim \(JSONValue.quotedExcerpt(name))", "no such claim")
    case .claimMalformed(let name):
      expected = "the claim \(JSONValue.quotedExcerpt(name)) of the right type, with a possible value"
      found = "it malformed"
    case .tokenTypeRefused(let type): (expected, found) = ("the type Bearer or DPoP", JSONValue.quotedExcerpt(type))
    case .issuerUnknown(let issuer):
      (expected, found) = ("iss \(JSONValue.quotedExcerpt(policy.issuer))", "iss \(JSONValue.quotedExcerpt(issuer))")
    case .audienceMismatch(let audiences):
      let accepted: [String] = if case .oneOf(let texts) = policy.audiences { texts } else { [] }
      expected = "aud \(RefusedClaims.list(accepted, "or"))"
      found = "aud \(RefusedClaims.list(audiences, "and"))"
    case .expired(let time):
      expected = "exp after \(now - leeway), which is now with \(leeway) s of leeway"
      found = "exp \(time), \(now - time) s ago"
    case .notYetValid(let time):
      expected = "nbf not after \(now + leeway), which is now with \(leeway) s of leeway"
      found = "nbf \(time), in \(time - now) s"
    case .issuedInFuture(let time):
      expected = "iat not after \(now + leeway), which is now with \(leeway) s of leeway"
      found = "iat \(time), in \(time - now) s"
    case .tooOld(let time):
      expected = "iat at most \(policy.ageMaxSeconds ?? 0) s ago, with \(leeway) s of leeway"
      found = "iat \(time), \(now - time) s ago"
    }
    reason = error.reason
  }

  private static func list(_ texts: [String], _ word: String) -> String {
    guard !texts.isEmpty else { return "empty" }
    let named = texts.prefix(audiencesMax).map { JSONValue.quotedExcerpt($0) }
    let more = texts.count - named.count
    return named.joined(separator: " \(word) ") + (more > 0 ? " \(word) \(more) more" : "")
  }
}
