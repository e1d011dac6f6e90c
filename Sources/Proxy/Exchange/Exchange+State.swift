import HTTP

/// The progress of an exchange, and what its connection has to do next.
extension Exchange {
  enum State: Equatable {
    /// Nothing has been decided yet.
    case deciding
    /// Waiting for the provider's first key set, or for a refetch because the token names an unknown key: until the
    /// provider has been answered more often than `answers` times.
    case waitingForKeys(provider: Int, answers: UInt64)
    /// Waiting for the issuer to introspect the token, or for the session store.
    case waitingForIntrospection(provider: Int)
    /// Waiting for the request's refresh token to be used.
    case waitingForRenewal
    /// The gateway answers the request itself, and its `Responder` has not answered yet.
    case waitingForResponder
    /// The request is being forwarded, and no final response has arrived.
    case waitingForUpstream
    /// The final response is being relayed.
    case answering
    /// The upstream has switched to the requested protocol.
    case tunnelling
    /// The gateway has answered in place of the upstream, or the response is complete.
    case answered
  }

  /// What the client's connection has to do.
  enum Action: ~Copyable {
    /// Forward the request to the upstream of this index.
    case forward(ForwardedHead, upstream: Int)
    case refuse(RefusalResponse)
    /// Send this response, without an upstream.
    case answer(LocalResponse)
    /// Have the responder answer, once the request body has been read.
    case ask(any Responder & Sendable)
    /// Ask the key store, and decide again when it has answered.
    case waitForKeys(provider: Int)
    /// Ask the provider's issuer about the token, or the session store about the session, and decide again with the
    /// result.
    case introspect(IntrospectedCredential, provider: Int)
    /// Use this refresh token of the provider, and decide again with the result.
    case renew([UInt8], provider: String)
  }
}
