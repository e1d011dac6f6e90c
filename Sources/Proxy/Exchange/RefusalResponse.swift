import Access
import Reason

/// A response that the gateway gives instead of an upstream's.
struct RefusalResponse {
  let reason: Reason
  /// What the client is told: the reason's, unless the client is a proxy that knows no other than 401 and 403.
  var status: Int
  /// What WWW-Authenticate says (RFC 9110 §11.6.1); nil: no such line.
  var challenge: [UInt8]?
  /// The limit that the client has reached; nil: none.
  var exceeded: ExceededLimit?
  /// Whether the connection can carry another request after it.
  var connection: ConnectionFate = .kept

  /// What is said of a limit, and when it lets the next request pass.
  struct ExceededLimit {
    /// Field lines, up to the seconds that end them.
    let policy: [UInt8]
    let seconds: Int64
  }

  enum ConnectionFate { case kept, closed }

  /// - Parameter challenges: The route's.
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

  /// Seconds after which the client may try again; nil: nothing is said.
  var retryAfterSeconds: Int64? {
    if let exceeded { return exceeded.seconds }
    guard status == 503 else { return nil }
    return reason == .upstreamBusy ? 1 : 5
  }
}
