/// A sign-in: a user or a program has proved who they are, and may get tokens until it ends.
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
  /// Until when an access token of it may be valid, in seconds since 1970. That it has ended is remembered for longer.
  public let tokensUntil: Int64
  /// The address that it was begun from, for those who list sign-ins.
  public let clientAddress: String
  /// The User-Agent that it was begun with, at most 200 bytes of it.
  public let userAgent: String
  /// Tells with which password it was begun: it does not go on once the user has another.
  public let passwordDigest: [UInt8]
  /// The same of the password that the user is about to have, while that is in doubt; else empty. Set only in what
  /// `refresh` and `end` give.
  public internal(set) var nextPasswordDigest: [UInt8] = []

  /// A sign-in of these, whose user is not about to change the password.
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
