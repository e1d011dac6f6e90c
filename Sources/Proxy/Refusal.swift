import Access
import Reason

/// An answer that the gateway gives instead of an upstream's.
struct Refusal {
  let reason: Reason
  /// What WWW-Authenticate says (RFC 6750 §3); nil: no such line.
  var challenge: String?
  /// Whether the connection can carry another request after it.
  var connection: ConnectionFate = .kept

  enum ConnectionFate { case kept, closed }

  init(_ reason: Reason, connection: ConnectionFate = .kept) {
    self.reason = reason
    self.connection = connection
    challenge = nil
    switch reason.status {
    case 401:
      // A request without a token is not told of an error (RFC 6750 §3.1); all bad tokens read the same.
      challenge = reason == .credentialMissing ? "Bearer" : "Bearer error=\"invalid_token\""
    case 403: challenge = "Bearer error=\"insufficient_scope\""
    case 400, 408, 413, 414, 417, 431, 500, 501, 505: self.connection = .closed
    default: break
    }
  }

  init(_ refusal: Access.Refusal) {
    self.init(refusal.reason)
    if refusal.reason.status == 403, !refusal.neededScopes.isEmpty {
      challenge = "Bearer error=\"insufficient_scope\", scope=\"\(refusal.neededScopes.joined(separator: " "))\""
    }
  }

  /// Seconds after which the client may try again; nil: nothing is said.
  var retryAfterSeconds: Int? { reason.status == 503 ? 5 : nil }
}
