/// What an issuer says of a token (RFC 7662 §2.2).
public enum IntrospectionResult: Sendable {
  /// The issuer's answer, a JSON object: its members are the token's claims.
  case active([UInt8])
  case inactive
  /// Active, but not good here.
  case refused(TokenError)
  /// The issuer could not be asked, or did not answer as it should.
  case unavailable
}
