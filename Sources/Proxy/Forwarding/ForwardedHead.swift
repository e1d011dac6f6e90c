import Access
import Configuration
import HTTP
import Reason
import Sockets

/// A request head as an upstream gets it: built anew, never patched, and only for a Permit.
///
/// It is the only thing that an `UpstreamPool` takes, so nothing reaches an upstream that was not decided.
struct ForwardedHead: ~Copyable {
  /// The head's bytes; a body may be appended behind them.
  var bytes: Buffer
  let framing: BodyFraming
  let method: Method
  /// Sending it twice does no harm (RFC 9110 §9.2.2), and it has no body.
  let isReplayable: Bool
  /// The upstream's connection is not used again (SECURITY H-17, U-3), and it is told so where no upgrade is asked for.
  let closesConnection: Bool

  /// What of the exchange stands in the head.
  struct Facts: ~Copyable {
    let client: Client
    let requestID: RequestID
    let credential: Credential
    let route: ActiveRoute
    let upgrade: UpgradeRequest?
    let trace: RequestTrace?
    /// The cookie of the token that the request was let in with instead of its own, `NAME=TOKEN`; nil: its own was good.
    let renewedCookie: [UInt8]?
  }

  /// Spends `permit`.
  ///
  /// First everything hop-by-hop, everything that Connection names and everything that only the gateway may say is
  /// left out; then ours is added (RFC 9110 §7.6.1; SECURITY I-1 to I-6).
  ///
  /// - Parameters:
  ///   - head: The request, parsed from `bytes`.
  ///   - path: Its canonical path, rewritten where the route says so.
  ///   - identityFields: The rendered identity headers of the permit's identity.
  ///   - block: An empty block.
  /// - Throws: `headTooLarge` where the head does not fit the block.
  init(
    spending permit: consuming Permit, _ head: borrowing RequestHead, _ bytes: Span<UInt8>, path: Span<UInt8>,
    identityFields: Span<UInt8>, facts: borrowing Facts, configuration: ActiveConfiguration,
    into block: consuming Buffer
  ) throws(ForwardedHeadError) {
    _ = consume permit
    var writer = HeadWriter(block)
    ForwardedHead.writeRequestLine(head, bytes, path, to: &writer)
    let trace = TraceFields(head, bytes, facts.trace)
    ForwardedHead.writeKeptFields(head, bytes, facts, trace, configuration, to: &writer)
    ForwardedFields(client: facts.client).write(bytes, authority: head.authority, to: &writer)
    writer.write("X-Request-Id: ")
    writer.write(facts.requestID)
    writer.write("\r\n")
    trace.write(facts.requestID, to: &writer)
    writer.write(identityFields)
    let setFields = facts.route.setFields
    writer.write(setFields.span)
    ForwardedHead.writeFraming(head, to: &writer)
    // Some servers hand the connection of an upgrade to what they upgrade to, whatever that answers: the next request
    // would be read as part of it.
    closesConnection =
      ForwardedHead.mayBeReadWithoutBody(head) || ForwardedHead.keepsConnectionLogin(head, bytes, facts)
      || facts.upgrade != nil
    if let upgrade = facts.upgrade {
      if let protocols = upgrade.otherProtocols, !protocols.isEmpty {
        writer.write("Sec-WebSocket-Protocol: ")
        writer.write(protocols.span)
        writer.write("\r\n")
      }
      writer.write(upgrade)
    } else if closesConnection {
      writer.write("Connection: close\r\n")
    }
    writer.write("\r\n")
    guard writer.fits else { throw ForwardedHeadError() }
    framing = head.bodyFraming
    method = head.knownMethod
    isReplayable =
      head.bodyFraming == .none
      && (head.knownMethod == .get || head.knownMethod == .head || head.knownMethod == .options)
    self.bytes = writer.finish()
  }

  private static func writeRequestLine(
    _ head: borrowing RequestHead, _ bytes: Span<UInt8>, _ path: Span<UInt8>, to writer: inout HeadWriter
  ) {
    writer.write(bytes, head.method)
    writer.write(UInt8(ascii: " "))
    if head.isAboutTheServer {
      // RFC 9112 §3.2.4: about the server, not about a resource; `/` would be another request.
      writer.write(UInt8(ascii: "*"))
    } else {
      writer.write(path)
      writer.write(bytes, head.query)
    }
    writer.write(" HTTP/1.1\r\nHost: ")
    writer.write(bytes, head.authority)
    writer.write("\r\n")
  }

  private static func writeFraming(_ head: borrowing RequestHead, to writer: inout HeadWriter) {
    switch head.bodyFraming {
    case .none, .untilClose:
      // A method that is expected to carry content says that it has none (RFC 9110 §8.6).
      if head.knownMethod == .post || head.knownMethod == .put || head.knownMethod == .patch {
        writer.write("Content-Length: 0\r\n")
      }
    case .length(let count):
      writer.write("Content-Length: ")
      writer.write(decimal: count)
      writer.write("\r\n")
    case .chunked:
      writer.write("Transfer-Encoding: chunked\r\n")
    }
  }

  /// A body where some servers expect none: one that ignores it would read it as the next request. Nobody knows what a
  /// server does with the body of a method that it may not know.
  private static func mayBeReadWithoutBody(_ head: borrowing RequestHead) -> Bool {
    guard head.bodyFraming != .none else { return false }
    switch head.knownMethod {
    case .get, .head, .delete, .options, .other: return true
    case .post, .put, .patch: return false
    }
  }

  /// The block, when the request is over.
  consuming func takeBytes() -> Buffer { bytes }
}

/// The head does not fit a block once it is rewritten.
struct ForwardedHeadError: Error {
  var reason: Reason { .headTooLarge }
}
