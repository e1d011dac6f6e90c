internal import Fetch
internal import OAuth
internal import Tokens

/// The question that an endpoint is asked (RFC 7662 §2.1).
struct IntrospectionRequest {
  private let endpoint: IntrospectionEndpoint
  private let client: OAuthClient

  /// How long a response may take, in all: nobody waits for it longer.
  static let timeout: Duration = .seconds(5)
  static let responseBytesMax = 64 * 1024

  /// Reads the client's credential from its file.
  init(_ endpoint: IntrospectionEndpoint) throws(IntrospectionFault) {
    self.endpoint = endpoint
    client = try IntrospectionFault.ofClient { () throws(ClientFault) in
      try OAuthClient(id: endpoint.clientID, endpoint.authentication)
    }
  }

  /// - Parameter now: For the client assertion, where one is made.
  func make(about token: [UInt8], now: UnixSeconds) throws(IntrospectionFault) -> FetchRequest {
    var request = try IntrospectionFault.ofClient { () throws(ClientFault) in
      try client.post(
        [("token", token), ("token_type_hint", Array("access_token".utf8))], to: endpoint.url, now: now)
    }
    request.certificateAuthorityFile = endpoint.certificateAuthorityFile
    request.timeout = IntrospectionRequest.timeout
    request.bodyBytesMax = IntrospectionRequest.responseBytesMax
    // A handshake for each token would cost issuer and clients more than the question.
    request.connection = .kept
    return request
  }
}

extension IntrospectionFault {
  fileprivate static func ofClient<Value>(_ body: () throws(ClientFault) -> Value) throws(IntrospectionFault) -> Value {
    do throws(ClientFault) {
      return try body()
    } catch {
      throw .client(error)
    }
  }
}
