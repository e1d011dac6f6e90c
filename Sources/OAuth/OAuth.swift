/// Module `OAuth`: the gateway as the client of an authorization server (RFC 6749): what it sends, and how it proves who
/// it is.
/// May import: Tokens, JSON, Crypto, Fetch, Sockets.
/// Never does: send anything itself, or let a secret into a message.

public import Fetch
public import Tokens

/// How the gateway proves who it is.
public enum ClientAuthentication: Sendable {
  /// `client_secret_basic` (RFC 6749 §2.3.1): the secret stands in this file.
  case secretFile(String)
  /// `private_key_jwt` (RFC 7523 §2.2): the key stands in this PEM file. `keyID` is the header's `kid`, the key's
  /// thumbprint (RFC 7638) where it is nil; `audience` is the `aud`, the endpoint's URL where it is nil.
  case privateKeyFile(String, keyID: String?, audience: String?)
  /// `none` (OpenID Connect Core 1.0 §9): a public client says its `client_id`, and proves nothing.
  case none
}

/// A client that an authorization server knows, with what it proves that with.
public struct OAuthClient: Sendable {
  /// The `client_id` (RFC 6749 §2.2).
  public let id: String
  private let credential: ClientCredential

  /// Reads the credential from its file. Blocks.
  public init(id: String, _ authentication: ClientAuthentication) throws(ClientFault) {
    self.id = id
    credential = try ClientCredential(authentication)
  }

  /// What its assertions are signed with (RFC 7523 §2.2); nil where it makes none.
  public var assertionAlgorithm: SignatureAlgorithm? {
    if case .key(let key, _, _) = credential { key.algorithm } else { nil }
  }

  /// A request with these form fields to an endpoint that asks for the client's authentication.
  ///
  /// - Parameters:
  ///   - url: The endpoint's: what an assertion is meant for where nothing else is configured (RFC 7523 §3).
  ///   - now: For the client assertion, where one is made.
  public func post(
    _ pairs: [(name: String, value: [UInt8])], to url: String, now: UnixSeconds
  ) throws(ClientFault) -> FetchRequest {
    var pairs = pairs
    var request = FetchRequest(url: url)
    switch credential {
    case .none: pairs.append(("client_id", Array(id.utf8)))
    case .secret(let secret):
      request.fields = [FetchRequest.Field(name: "Authorization", value: OAuthClient.basic(id, secret))]
    case .key(let key, let keyID, let audience):
      let assertion = try ClientAssertion.make(
        clientID: id, audience: audience ?? url, keyID: keyID, key: key, now: now)
      pairs += [
        ("client_id", Array(id.utf8)), ("client_assertion_type", Array(ClientAssertion.type.utf8)),
        ("client_assertion", assertion),
      ]
    }
    request.method = .post(contentType: FormEncoding.contentType, content: FormEncoding.encode(pairs))
    return request
  }

  /// RFC 6749 §2.3.1: both are form-encoded first, so a colon in either is no border.
  private static func basic(_ clientID: String, _ secret: [UInt8]) -> String {
    let pair = FormEncoding.encode(Array(clientID.utf8)) + [UInt8(ascii: ":")] + FormEncoding.encode(secret)
    return "Basic " + Base64.text(pair)
  }
}
