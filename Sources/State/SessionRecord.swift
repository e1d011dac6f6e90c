/// A session: someone has signed in at an OpenID provider, and their browser has a cookie for it.
public struct SessionRecord: Sendable, Equatable {
  /// What revocations and messages call it: 128 random bits in base64url, and not what the cookie contains.
  public let id: String
  /// The name of the provider.
  public let provider: String
  /// Who it is, as the provider calls them: `sub`.
  public let subject: String
  /// What the provider calls the session: the ID token's `sid`; nil if it has none.
  public let providerSessionID: String?
  /// The claims that routes are told: a JSON object in UTF-8.
  public var claims: [UInt8]
  /// The refresh token, the ID token and the nonce of the sign-in, sealed with what the cookie contains: whoever reads
  /// the store alone cannot use them.
  public var sealedTokens: [UInt8]
  /// When the provider has to be asked again, in seconds since 1970.
  public var renewAt: Int64
  /// When it began, in seconds since 1970.
  public let beganAt: Int64
  /// When it was last used, in seconds since 1970; it may be up to a minute behind.
  public var lastUsedAt: Int64
  /// When it ends, however often it is used, in seconds since 1970.
  public let expiresAt: Int64

  /// A session of these.
  public init(
    id: String, provider: String, subject: String, providerSessionID: String?, claims: [UInt8], sealedTokens: [UInt8],
    renewAt: Int64, beganAt: Int64, lastUsedAt: Int64, expiresAt: Int64
  ) {
    self.id = id
    self.provider = provider
    self.subject = subject
    self.providerSessionID = providerSessionID
    self.claims = claims
    self.sealedTokens = sealedTokens
    self.renewAt = renewAt
    self.beganAt = beganAt
    self.lastUsedAt = lastUsedAt
    self.expiresAt = expiresAt
  }
}
