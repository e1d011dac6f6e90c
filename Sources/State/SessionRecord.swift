/// A session: somebody signed in at an OpenID provider, and their browser has a cookie that says so.
public struct SessionRecord: Sendable, Equatable {
  /// What revocations and messages call it: 128 random bits in base64url, and not what the cookie holds.
  public let id: String
  public let provider: String
  /// Who it is, in the provider's words.
  public let subject: String
  /// What the provider calls it: the ID token's `sid`; nil where it does not say.
  public let providerSessionID: String?
  /// What the provider says of the subject: a JSON object.
  public var claims: [UInt8]
  /// What is needed to go on with it, sealed so that whoever reads the store cannot use it.
  public var sealedTokens: [UInt8]
  /// When the provider has to be asked again: seconds since 1970.
  public var renewAt: Int64
  /// In seconds since 1970.
  public let beganAt: Int64
  /// When it was last used, to within a minute: seconds since 1970.
  public var lastUsedAt: Int64
  /// When it ends, however often it is used: seconds since 1970.
  public let expiresAt: Int64

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
