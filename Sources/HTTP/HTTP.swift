/// Module `HTTP`: the grammar of HTTP/1.1: heads, targets, bodies, cookies, and answers of the gateway's own.
/// May import: Reason.
/// Never does: I/O, or hold an unsafe pointer: bytes are arguments, offsets are results.

public import Reason

/// Answers whole requests inside the gateway.
///
/// A request with a body of at most 64 KiB goes in, one response comes out.
public protocol Responder: AnyObject {
  /// - Parameter completion: To be called once, within 5 s, from anywhere: work that blocks is done elsewhere than on the
  ///   loop that asks.
  func respond(to request: LocalRequest, completion: @escaping @Sendable (LocalResponse) -> Void)
}

/// A request that the gateway answers itself.
public struct LocalRequest: Sendable {
  /// As received: methods are case-sensitive (RFC 9110 §9.1).
  public var method = ""
  /// Without a port.
  public var host = ""
  /// The canonical path.
  public var path = ""
  /// With its `?`; empty where there is none.
  public var query = ""
  /// All field lines, in the order and with the names that they were received with; values are raw bytes.
  public var fields: [(name: String, value: [UInt8])] = []
  /// The decoded content; empty if there is none.
  public var body: [UInt8] = []
  /// Who sent it; nil where there is no address, as of a unix socket.
  public var client: IPAddress?
  /// Whether its client speaks TLS, to the gateway or to a proxy that is believed.
  public var isSecure = false
  /// The gateway's ID for the request, as in the access log and in `X-Request-Id`.
  public var requestID = ""
  /// When this value was made. The clock is monotonic: it measures durations and does not tell the time.
  public var receivedAt = ContinuousClock.now
  /// Which page a browser says that it comes from.
  public var origin = Origin.absent
  /// Whether somebody waits for a page, and may be sent to another one (SECURITY C-13).
  public var asksForPage = false

  /// What Origin says (RFC 6454 §7).
  public enum Origin: Sendable, Equatable {
    case absent
    /// The host and port of the request itself, or none, where the browser says that it is the same.
    case own
    case foreign
  }

  /// An empty request, to be filled in.
  public init() {}

  /// What the head says. `body`, `client`, `isSecure` and `requestID` are left for the caller to set.
  ///
  /// - Parameter path: The canonical path.
  public init(_ head: borrowing RequestHead, _ bytes: Span<UInt8>, path: Span<UInt8>) {
    method = LocalRequest.text(bytes, head.method)
    host = LocalRequest.text(bytes, head.host)
    self.path = LocalRequest.text(path, ByteRange(0, path.count))
    query = LocalRequest.text(bytes, head.query)
    if head.originCount > 0 { origin = RequestOrigin.isOwn(head, bytes) ? .own : .foreign }
    asksForPage = FetchMetadata.asksForPage(head, bytes)
    for line in head.fields {
      fields.append((LocalRequest.text(bytes, line.name), [UInt8](bytes, line.value)))
    }
  }

  private static func text(_ bytes: Span<UInt8>, _ range: ByteRange) -> String {
    String(decoding: [UInt8](bytes, range), as: UTF8.self)
  }
}

/// A response of the gateway's own.
public struct LocalResponse: Sendable {
  /// A final status: 200 to 599 (RFC 9110 §15).
  public var status: Int
  /// Sent in this order. Date, X-Request-Id, Content-Length and Connection are added to them.
  public var fields: [(name: String, value: String)]
  /// Its length is sent as Content-Length. Has to be empty if the status is 204; is not sent in response to HEAD.
  public var body: [UInt8]
  /// Why the request was refused, for the access log; nil: it was not.
  public var reason: Reason?
  /// Who sent the request, for the access log; nil: nobody whose credential was good.
  public var sender: Sender?

  /// A sender whose credential was good. Not what a client merely claims to be: a user name may be a password that was
  /// typed into the wrong field. A class, so that responses without one are hardly larger for it.
  public final class Sender: Sendable {
    /// As the configuration calls it.
    public let provider: String
    /// As the provider's tokens name them.
    public let subject: String

    /// - Parameters:
    ///   - provider: The provider's name in the configuration.
    ///   - subject: Of a credential that has been checked.
    public init(provider: String, subject: String) {
      self.provider = provider
      self.subject = subject
    }
  }

  /// - Parameter reason: Why the request is refused; nil if it is not.
  public init(status: Int, fields: [(name: String, value: String)], body: [UInt8], reason: Reason? = nil) {
    self.status = status
    self.fields = fields
    self.body = body
    self.reason = reason
  }

  /// The same response, whose access line names its sender.
  ///
  /// - Parameter subject: Of a credential that was good; nil: there was none.
  public func naming(_ subject: String?, of provider: String) -> LocalResponse {
    guard let subject else { return self }
    var response = self
    response.sender = Sender(provider: provider, subject: subject)
    return response
  }
}
