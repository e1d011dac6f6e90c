import HTTP

/// How far an exchange has come, and what its connection is to do next.
extension Exchange {
  enum State: Equatable {
    /// Nothing was decided yet.
    case deciding
    /// For the provider's first keys, or for one that the token names and the provider may have published.
    case waitingForKeys(provider: Int)
    /// The provider's issuer is asked about the token.
    case waitingForIntrospection(provider: Int)
    /// The request's refresh token is being used.
    case waitingForRenewal
    /// The gateway answers itself: its Responder has not answered yet.
    case waitingForResponder
    /// The request is being forwarded, and no final response has come.
    case waitingForUpstream
    /// The final response is being relayed.
    case answering
    /// The upstream has switched to the protocol that was asked for.
    case tunnelling
    /// The gateway has answered in the upstream's place, or the response is complete.
    case answered
  }

  /// What the client's connection is to do.
  enum Action: ~Copyable {
    case forward(ForwardedHead, upstream: Int)
    case refuse(RefusalResponse)
    /// Answer so, without an upstream.
    case answer(LocalResponse)
    case ask(any Responder & Sendable)
    /// Ask the key store, and decide again when it has answered.
    case waitForKeys(provider: Int)
    /// Ask the provider's issuer about the token, and decide again with its response.
    case introspect([UInt8], provider: Int, isSession: Bool)
    /// Use this refresh token of the provider's, and decide again with what comes of it.
    case renew([UInt8], provider: String)
  }
}
