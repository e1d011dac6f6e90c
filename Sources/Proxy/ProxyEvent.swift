public import Access
public import Sockets

/// What an operator should hear of, beside the access log.
public enum ProxyEvent: Sendable {
  /// Accepting pauses: the process or the machine has no descriptor or no memory left. How often it has begun to, for
  /// whatever reason, since it was last said.
  case acceptingPaused(SystemError, times: Int)
  /// Accepting pauses: `limits.connections` are open. How often, as above.
  case connectionLimitReached(Int, times: Int)
  /// As many client connections are open as the limit of open files has room for.
  case connectionRoomTaken(Int, times: Int)
  /// Connections were closed: their address has `limits.connections_per_address` open.
  case addressLimitReached(most: Int, closed: Int, lastOf: String)
  /// Accepting goes on.
  case acceptingResumed
  /// DPoP proofs are refused: no more can be remembered. How many were, since it was last said.
  case proofMemoryFull(refused: Int)
  /// Requests were refused with `internal_error`: how many on this loop since the last report, and why the last one was.
  case failed(why: String, requests: Int)
  /// What a route tries, or a provider on its tokens, is enforced for no share of the senders any more: so many requests
  /// were refused for it.
  case enforcementStopped(Trier, name: String, refused: Int, requests: Int)
  /// Something of the servers of the upstream with this name.
  case upstream(String, UpstreamEvent)
  /// TLS handshakes failed, so many of them since it was last said. The reason is OpenSSL's, in snake case, or
  /// `handshake_timeout`.
  case handshakesFailed(reason: String, count: Int)
}
