internal import JSON

/// Who an issuer says that the bearer of a token is (RFC 7662). Made here alone, from the response of an issuer that
/// was asked, behind every check.
public final class IntrospectedToken: Sendable {
  /// What the issuer said, after every check.
  public let claims: ClaimsSet
  /// From this second on the issuer has to be asked again; the token itself may be good for longer.
  public let deadline: UnixSeconds
  /// When the issuer was asked: by a clock that was set back since, nobody knows how long ago that was.
  public let validFrom: UnixSeconds
  /// `exp`, in seconds since 1970; far away where the issuer has not said one.
  public let expiresAt: UnixSeconds
  /// From this second on the token itself is refused, as far as the issuer has said when.
  public let tokenDeadline: UnixSeconds

  /// Checks the header of a token that is about to be shown to its issuer as that of one that is verified here: an issuer
  /// may call a token active that is not for requests, such as an ID token (RFC 8725 §3.11).
  ///
  /// - Parameter token: One that is not a JWS has no header, and passes.
  /// - Throws: `TokenError`, with the reason for which it is refused.
  public static func checkHeader(_ token: Span<UInt8>, _ policy: TokenPolicy) throws(TokenError) {
    try JOSEHeader.ofOpaque(token)?.checkType(policy.type)
  }

  /// - Parameters:
  ///   - token: That was asked about; nil for a session, which is not a token. Its header is checked as by
  ///     `checkHeader`.
  ///   - response: What the issuer said, `active` and all: a JSON object whose members are the token's claims (RFC 7662
  ///     §2.2). The claims that are there are checked as a token's are; `aud` has to be there where the policy names
  ///     audiences.
  ///   - policy: The provider's.
  ///   - now: The time that `exp`, `nbf` and `iat` are compared with.
  ///   - cacheSeconds: How long the issuer's word is taken; 0: for this once.
  /// - Throws: Why the token, active or not, is not good here.
  public init(
    of token: [UInt8]? = nil, response: [UInt8], _ policy: TokenPolicy, now: UnixSeconds, cacheSeconds: Int64
  ) throws(TokenError) {
    var header: JOSEHeader?
    if let token { header = try JOSEHeader.ofOpaque(token.span) }
    try header?.checkType(policy.type)
    guard let claims = try? JSONDocument(response.span), claims.kind(claims.root) == .object else {
      throw TokenError(.claimsInvalid)
    }
    let times = try policy.checkBelieved(claims, from: .issuer, now: now, keyID: nil).times
    do throws(TokenError) {
      try IntrospectedToken.checkTokenType(claims)
    } catch {
      throw TokenError(error.fault, subject: policy.subject(ofRefused: claims, from: .issuer))
    }
    self.claims = ClaimsSet(claims, policy, tried: policy.tryChecks(claims, header, from: .issuer, now: now))
    expiresAt = times.expiresAt
    tokenDeadline = times.deadline
    deadline = min(times.deadline, now + cacheSeconds)
    validFrom = now
  }

  /// RFC 6749 §7.1: a type that is not understood must not be used. Types are compared in any case (RFC 6749 §5.1), and
  /// one that is bound says to what (RFC 9449 §6.2).
  private static func checkTokenType(_ claims: JSONDocument) throws(TokenError) {
    guard let place = claims.member("token_type", of: claims.root) else { return }
    guard let type = claims.string(place) else { throw TokenError(.claimMalformed("token_type")) }
    switch type.lowercased() {
    case "bearer": return
    case "dpop" where claims.member("cnf", of: claims.root) != nil: return
    default: throw TokenError(.tokenTypeRefused(found: type))
    }
  }
}

/// What came of asking an issuer about a token (RFC 7662 §2.2).
public enum IntrospectionResult: Sendable {
  case active(IntrospectedToken)
  case inactive
  /// Active, but not good here.
  case refused(TokenError)
  /// The issuer could not be asked, or did not answer as it should.
  case unavailable
}
