/// Module `Introspection`: asking an issuer whether a token is active (RFC 7662).
/// May import: OAuth, Tokens, HTTP, JSON, Fetch, Sockets.
/// Never does: run on a loop that carries requests, remember a response, or let a token or a secret into a message.

public import HTTP
public import OAuth
public import Tokens

/// A provider's introspection endpoint (RFC 7662 §2), and the client that asks it.
public struct IntrospectionEndpoint: Sendable {
  /// https, or http of a loopback address.
  public var url: String
  /// The `client_id` that the issuer knows the gateway by (RFC 6749 §2.2).
  public var clientID: String
  /// How the gateway proves that it is that client.
  public var authentication: ClientAuthentication
  /// A PEM file of the authorities that the server's certificate must come from; nil: those of the system.
  public var certificateAuthorityFile: String?
  /// What the claims of an active token must be like; it names the provider.
  public var policy: TokenPolicy
  /// How long, in seconds, the issuer's response is used for the same token.
  public var cacheSeconds: Int64

  /// An endpoint of which nothing is checked; `check` tells whether it can be asked.
  public init(
    url: String, clientID: String, authentication: ClientAuthentication, certificateAuthorityFile: String? = nil,
    policy: TokenPolicy, cacheSeconds: Int64 = 30
  ) {
    self.url = url
    self.clientID = clientID
    self.authentication = authentication
    self.certificateAuthorityFile = certificateAuthorityFile
    self.policy = policy
    self.cacheSeconds = cacheSeconds
  }
}

/// What operators want to know.
public enum IntrospectionEvent: Sendable {
  /// A token of `provider` could not be introspected. Reported once while it goes on; `times` is how often it has begun
  /// since the last report.
  case failed(provider: String, IntrospectionFault, url: ShownURL, times: Int)
  /// After failures, there was a response again.
  case recovered(provider: String)
}
