/// Module `Introspection`: asking an issuer whether a token is active (RFC 7662).
/// May import: OAuth, Tokens, HTTP, JSON, Fetch, Sockets.
/// Never does: run on a loop that carries requests, remember a response, or let a token or a secret into a message.

public import HTTP
public import OAuth
public import Tokens

/// A provider's introspection endpoint (RFC 7662 §2), and who asks it.
public struct IntrospectionEndpoint: Sendable {
  /// https, or http of a loopback address.
  public var url: String
  /// The `client_id` that the issuer knows the gateway by (RFC 6749 §2.2).
  public var clientID: String
  public var authentication: ClientAuthentication
  /// A PEM file to verify the server's certificate with; nil: the system's.
  public var certificateAuthorityFile: String?
  /// What the claims of an active token have to be like; names the provider.
  public var policy: TokenPolicy
  /// How long the issuer's word for a token is taken, in seconds.
  public var cacheSeconds: Int64

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

/// What operators want to be told.
public enum IntrospectionEvent: Sendable {
  /// A question was not answered as it should be, of what and why: once while it goes on. How often that has begun since
  /// it was last said.
  case failed(provider: String, IntrospectionFault, url: ShownURL, times: Int)
  /// After failures, a response.
  case recovered(provider: String)
}
