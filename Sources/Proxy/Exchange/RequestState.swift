import Access
import HTTP
import Sockets
import Tokens

/// What is known of the request of an exchange, however often it is decided: assigned whole where one begins, so that
/// nothing of the one before can be left.
struct RequestState {
  var peer = Peer()
  /// Of the connection; nil: in clear.
  var secured: SecuredConnection?
  /// The listener's place.
  var listener = 0

  var method = Method.get
  var version = HTTPVersion.http11
  var persistence = RefusalResponse.ConnectionFate.closed
  var expectsContinue = false
  /// Bytes of the head, which stand in the connection's input until it is decided.
  var headLength = 0
  /// What the client reads of a refusal.
  var problemFormat = ProblemBody.Format.json
  var body = BodyDecoder(.none)

  /// Whether its route's rate limit has counted it.
  var isCounted = false
  /// What somebody was known by that is no proof by itself, where a tunnel may come of the request: it is asked about
  /// again as long as that lasts.
  var introspected: IntrospectedCredential?
  /// What the issuer said of the token, where it was asked.
  var introspection: IntrospectionResult?
  /// What came of the request's refresh token, where it was used.
  var renewal: Renewal?
  /// The trace that it belongs to; nil: none is exported, or it is not known yet.
  var trace: RequestTrace?
}
