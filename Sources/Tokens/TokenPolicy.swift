/// For whom tokens have to be meant (RFC 7519 §4.1.3).
public enum Audiences: Sendable, Equatable {
  /// For anyone, also where the token does not say.
  case any
  /// For one of these.
  case oneOf([String])
}

/// Where it is taken from that an address in `email` belongs to whom the claims are about.
public enum EmailVerification: String, Sendable, Hashable, CaseIterable {
  /// From `email_verified` alone (OpenID Connect Core §5.1).
  case required
  /// From the issuer, which verifies every address: `email_verified` need not be there.
  case assumed
}

/// What a provider's tokens have to be like.
public struct TokenPolicy: Sendable, Equatable {
  /// The largest `leewaySeconds`.
  public static let leewayMaxSeconds: Int64 = 60

  /// The provider's name in the configuration.
  public var provider: String
  /// What `iss` has to be, byte for byte (RFC 7519 §4.1.1).
  public var issuer: String
  /// Which `aud` is accepted.
  public var audiences: Audiences
  /// nil: what the keys allow (RFC 8725 §3.1).
  public var algorithms: [SignatureAlgorithm]?
  /// By how much clocks may differ, in seconds; 0 to `leewayMaxSeconds`.
  public var leewaySeconds: Int64
  /// How long after `iat` a token is good, in seconds, whatever its `exp` says; nil: until `exp`.
  public var ageMaxSeconds: Int64?
  /// What the header's `typ` has to say; nil: `JWT`, `at+jwt` or nothing.
  public var type: String?
  /// Claims that have to be there, and not null.
  public var requiredClaims: [ClaimPath]
  /// What is tried beside all of this; nil: nothing.
  public var tried: TriedTokenChecks?
  /// Bytes of a token.
  public var tokenBytesMax: Int
  /// Which claims hold the subject, the roles, the scopes and the permissions.
  public var claims: ClaimMapping
  /// What proves that an address in `email` belongs to the subject.
  public var emailVerification: EmailVerification

  /// By default: any algorithm that the keys allow, 30 seconds of leeway, no limit of the age, and 8 KiB for a token.
  public init(
    provider: String, issuer: String, audiences: Audiences, algorithms: [SignatureAlgorithm]? = nil,
    leewaySeconds: Int64 = 30, ageMaxSeconds: Int64? = nil, type: String? = nil, requiredClaims: [ClaimPath] = [],
    tried: TriedTokenChecks? = nil, tokenBytesMax: Int = 8192, claims: ClaimMapping = ClaimMapping(),
    emailVerification: EmailVerification = .required
  ) {
    self.provider = provider
    self.issuer = issuer
    self.audiences = audiences
    self.algorithms = algorithms
    self.leewaySeconds = leewaySeconds
    self.ageMaxSeconds = ageMaxSeconds
    self.type = type
    self.requiredClaims = requiredClaims
    self.tried = tried
    self.tokenBytesMax = tokenBytesMax
    self.claims = claims
    self.emailVerification = emailVerification
  }
}
