internal import Fetch
internal import Tokens

/// The question that an endpoint is asked (RFC 7662 §2.1).
struct IntrospectionRequest {
  private let endpoint: IntrospectionEndpoint
  private let credential: ClientCredential

  /// How long an answer may take, in all: nobody waits for it longer.
  static let timeout: Duration = .seconds(5)
  static let answerBytesMax = 64 * 1024

  /// Reads the client's credential from its file.
  init(_ endpoint: IntrospectionEndpoint) throws(IntrospectionFault) {
    self.endpoint = endpoint
    credential = try ClientCredential(endpoint.authentication, url: endpoint.url)
  }

  /// - Parameter now: For the client assertion, where one is made.
  func make(about token: [UInt8], now: UnixSeconds) throws(IntrospectionFault) -> FetchRequest {
    var pairs: [(name: String, value: [UInt8])] = [
      ("token", token), ("token_type_hint", Array("access_token".utf8)),
    ]
    var request = FetchRequest(
      url: endpoint.url, certificateAuthorityFile: endpoint.certificateAuthorityFile,
      timeout: IntrospectionRequest.timeout, bodyBytesMax: IntrospectionRequest.answerBytesMax)
    // A handshake for each token would cost issuer and clients more than the question.
    request.connection = .kept
    switch credential {
    case .secret(let secret):
      request.fields = [
        FetchRequest.Field(name: "Authorization", value: IntrospectionRequest.basic(endpoint.clientID, secret))
      ]
    case .key(let key, let keyID, let audience):
      let assertion = try ClientAssertion.make(
        clientID: endpoint.clientID, audience: audience, keyID: keyID, key: key, now: now)
      pairs += [
        ("client_id", Array(endpoint.clientID.utf8)), ("client_assertion_type", Array(ClientAssertion.type.utf8)),
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
