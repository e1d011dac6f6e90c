/// A sign-in: somebody proved who they are, and may get tokens until it ends.
public struct SignInRecord: Sendable, Equatable {
  /// The tokens' `sid`: 128 random bits in base64url.
  public let id: String
  /// The provider that issues its tokens.
  public let provider: String
  /// The user's id: the tokens' `sub`.
  public let subject: String
  /// How the user signed in, as `amr` says it (RFC 8176).
  public let methods: [String]
  /// When the user last proved who they are: `auth_time`, in seconds since 1970.
  public let authenticatedAt: Int64
  /// When its refresh token was last used, in seconds since 1970.
  public var lastUsedAt: Int64
  /// When it ends, however often it is used: seconds since 1970.
  public let expiresAt: Int64
  /// Until when an access token of it may be good, in seconds since 1970: so long is remembered that it has ended.
  public let tokensUntil: Int64
  /// From where it was begun, for whoever lists sign-ins.
  public let clientAddress: String
  /// What it was begun with: the User-Agent, at most 200 bytes of it.
  public let userAgent: String
  /// Tells with which password it was begun: whoever has another since is not let go on.
  public let passwordDigest: [UInt8]
  /// The same of the password that its user is about to have, where that is in doubt; empty otherwise. Said where a
  /// refresh token is used, or has ended it.
  public internal(set) var nextPasswordDigest: [UInt8] = []

  public init(
    id: String, provider: String, subject: String, methods: [String], authenticatedAt: Int64, lastUsedAt: Int64,
    expiresAt: Int64, tokensUntil: Int64, clientAddress: String, userAgent: String, passwordDigest: [UInt8]
  ) {
    self.id = id
    self.provider = provider
    self.subject = subject
    self.methods = methods
    self.authenticatedAt = authenticatedAt
    self.lastUsedAt = lastUsedAt
    self.expiresAt = expiresAt
    self.tokensUntil = tokensUntil
    self.clientAddress = clientAddress
    self.userAgent = userAgent
    self.passwordDigest = passwordDigest
  }
}
