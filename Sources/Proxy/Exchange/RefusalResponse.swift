import Access
import Reason

/// A refusal that the gateway sends in place of an upstream's response.
struct RefusalResponse {
  let reason: Reason
  /// The status sent: the reason's, unless the client is a proxy that knows only 401 and 403.
  var status: Int
  /// The value of WWW-Authenticate (RFC 9110 §11.6.1); nil if there is no such field.
  var challenge: [UInt8]?
  /// The limit that the client has exceeded; nil if none.
  var exceeded: ExceededLimit?
  /// Whether the connection can carry another request after it.
  var connection: ConnectionFate = .kept

  /// The description of an exceeded limit, and when it admits the next request.
  struct ExceededLimit {
    /// Field lines, up to the number of seconds that ends them.
    let policy: [UInt8]
    /// Seconds until the next request is admitted.
    let seconds: Int64
  }

  enum ConnectionFate { case kept, closed }

  /// - Parameter challenges: Those of the route.
  init(_ reason: Reason, _ challenges: Challenges = .bearer, connection: ConnectionFate = .kept) {
    self.reason = reason
    status = reason.status
    self.connection = connection
    challenge = challenges.challenge(reason)
    switch reason.status {
    case 400, 408, 413, 414, 417, 431, 500, 501, 505: self.connection = .closed
    default: break
    }
  }

  init(_ refusal: Refusal, _ challenges: Challenges) {
    self.init(refusal.reason, challenges)
    challenge = challenges.challenge(refusal.reason, refusal.remedy)
  }

  /// Seconds after which the client may try again; nil if it is told nothing.
  var retryAfterSeconds: Int64? {
    if let exceeded { return exceeded.seconds }
    return status == reason.status ? reason.retryAfterSeconds : nil
  }
}
