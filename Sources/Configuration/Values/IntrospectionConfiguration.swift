/// A provider's introspection endpoint (RFC 7662), and how it is asked.
public struct IntrospectionConfiguration: Sendable, Equatable {
  /// Which of the provider's tokens are introspected.
  public enum Tokens: String, Sendable, Hashable, CaseIterable {
    /// Those that are no JWT.
    case opaque
    case all
  }

  /// How the gateway proves who it is.
  public enum ClientAuthentication: Sendable, Hashable {
    /// `client_secret_basic` (RFC 6749 §2.3.1).
    case secretFile(String)
    /// `private_key_jwt` (RFC 7523 §2.2): nil is the key's thumbprint, and the endpoint's URL.
    case privateKeyFile(String, keyID: String?, audience: String?)
  }

  public var url: String
  public var clientID: String
  public var clientAuthentication: ClientAuthentication
  public var tokens: Tokens
  /// How long the issuer's word for a token is taken, in seconds; never past the token's `exp`.
  public var cacheSeconds: Int64

  public init(
    url: String, clientID: String, clientAuthentication: ClientAuthentication, tokens: Tokens, cacheSeconds: Int64
  ) {
    self.url = url
    self.clientID = clientID
    self.clientAuthentication = clientAuthentication
    self.tokens = tokens
    self.cacheSeconds = cacheSeconds
  }
}
