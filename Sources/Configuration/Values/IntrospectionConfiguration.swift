/// A provider's introspection endpoint (RFC 7662), and how it is asked.
public struct IntrospectionConfiguration: Sendable, Equatable {
  /// Which of the provider's tokens are introspected.
  public enum Tokens: String, Sendable, Hashable, CaseIterable {
    /// Those that are not JWTs.
    case opaque
    /// JWTs too, so that no keys are needed.
    case all
  }

  /// How the gateway proves who it is.
  public enum ClientAuthentication: Sendable, Hashable {
    /// `client_secret_basic` (RFC 6749 §2.3.1).
    case secretFile(NamedFile)
    /// `private_key_jwt` (RFC 7523 §2.2), by a PEM file. Without `keyID` it is the key's thumbprint (RFC 7638), without
    /// `audience` the URL of the endpoint.
    case privateKeyFile(NamedFile, keyID: String?, audience: String?)

    /// What holds the secret or the key.
    public var file: NamedFile {
      switch self {
      case .secretFile(let file), .privateKeyFile(let file, _, _): file
      }
    }
  }

  /// The endpoint: https, or http on loopback.
  public var url: String
  /// The gateway's `client_id` at the issuer.
  public var clientID: String
  /// How the gateway proves there who it is.
  public var clientAuthentication: ClientAuthentication
  /// Which tokens the endpoint is asked about.
  public var tokens: Tokens
  /// How long the issuer's response is used for the same token, 0 to 300 s; never past the token's `exp`.
  public var cacheSeconds: Int64

  /// An endpoint of which nothing is checked: configurations are validated where they are read.
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
