import Access
import HTTP
import Sockets
import Tokens

/// What is known of the request of an exchange, however often it is decided. It is assigned as a whole when an exchange
/// begins, so that nothing is left of the one before.
struct RequestState {
  var peer = Peer()
  /// The TLS state of the connection; nil if it is not encrypted.
  var secured: SecuredConnection?
  /// The index of the listener.
  var listener = 0

  var method = Method.get
  var version = HTTPVersion.http11
  var persistence = RefusalResponse.ConnectionFate.closed
  var expectsContinue = false
  /// The length of the head in bytes, which stay in the connection's input until the request is decided.
  var headLength = 0
  /// The format in which the client prefers refusals.
  var problemFormat = ProblemBody.Format.json
  var body = BodyDecoder(.none)

  /// Whether the route's rate limit has counted the request.
  var isCounted = false
  /// The introspected credential, if the request may become a tunnel: it is introspected again for as long as that
  /// lasts.
  var introspected: IntrospectedCredential?
  /// The introspection result of the token; nil if it was not introspected.
  var introspection: IntrospectionResult?
  /// The result of using the request's refresh token; nil if it was not used.
  var renewal: Renewal?
  /// The trace that the request belongs to; nil if none is exported, or it is not known yet.
  var trace: RequestTrace?
}
