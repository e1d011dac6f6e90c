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
  /// The upstream is told to close, and its connection is not used again (SECURITY H-17, U-3).
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
    let removesToken = facts.route.configuration.token == .remove
    var writer = HeadWriter(block)
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
    let options = head.namesFields ? ConnectionOptions(head.fields, bytes) : ConnectionOptions()
    let trace = TraceFields(head, bytes, facts.trace)
    var logsConnectionIn = false
    let hidesProtocols = facts.route.hidesWebSocketProtocol(besides: facts.credential)
    // Outside of a handshake the field says nothing, and may hold a token all the same.
    let dropsProtocols = facts.upgrade?.otherProtocols != nil || facts.upgrade?.webSocketKey == nil
    for index in head.fields.indices {
      let line = head.fields[index]
      // No Connection option takes away what has a case of its own (SECURITY I-3).
      switch line.known {
      case .host, .contentLength, .expect: continue
      case .authorization:
        if removesToken, case .authorization = facts.credential { continue }
        if ForwardedHead.logsConnectionIn(bytes, line.value) { logsConnectionIn = true }
      case .traceparent:
        if !trace.keepsParent { continue }
      case .tracestate:
        // A state without its parent belongs to nothing (W3C Trace Context, §3.3).
        if !trace.keepsState { continue }
      case .dpop:
        // Whoever asks for tokens takes what belongs to them, also where another credential was used, or none.
        if removesToken, facts.route.tokenUse != .none { continue }
      case .cookie:
        // Also where another credential was used, or is forwarded: a token that nobody has verified is worse than none.
        if !facts.route.removedCookies.isEmpty {
          ForwardedHead.writeCookies(
            bytes, line, without: facts.route.removedCookies, but: removesToken ? nil : facts.credential.cookie,
            and: removesToken ? nil : facts.renewedCookie, to: &writer)
          continue
        }
      default:
        if line.known.isHopByHop { continue }
        if configuration.removedFields.contains(bytes, line) { continue }
        if let removed = facts.route.removedFields, removed.contains(bytes, line) { continue }
        if !options.isEmpty, options.name(bytes, line) { continue }
        // Of another spelling nobody has looked for a token in it.
        if hidesProtocols, WebSocketToken.isAlike(bytes, line),
          dropsProtocols || !WebSocketToken.isField(bytes, line)
        {
          continue
        }
      }
      writer.write(bytes, line: line)
    }
    ForwardedFields(client: facts.client).write(bytes, authority: head.authority, to: &writer)
    writer.write("X-Request-Id: ")
    writer.write(facts.requestID)
    writer.write("\r\n")
    trace.write(facts.requestID, to: &writer)
    writer.write(identityFields)
    let setFields = facts.route.setFields
    writer.write(setFields.span)
    closesConnection = logsConnectionIn || ForwardedHead.mayBeReadWithoutBody(head)
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
    // The connection of a tunnel is used for nothing else anyway.
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

  /// A body where some servers expect none: one that ignores it would read it as the next request.
  private static func mayBeReadWithoutBody(_ head: borrowing RequestHead) -> Bool {
    guard head.bodyFraming != .none else { return false }
    switch head.knownMethod {
    case .get, .head, .delete, .options: return true
    case .post, .put, .patch, .other: return false
    }
  }

  /// Negotiate and NTLM log in the connection, not the request (RFC 4559 §6): nobody else may use it.
  private static func logsConnectionIn(_ bytes: Span<UInt8>, _ value: ByteRange) -> Bool {
    var end = value.lowerBound
    while end < value.upperBound, bytes[end] != UInt8(ascii: " ") { end += 1 }
    let scheme = ByteRange(value.lowerBound, end)
    switch scheme.count {
    case 4: return FieldText.isWord(bytes, scheme, "ntlm")
    case 9: return FieldText.isWord(bytes, scheme, "negotiate")
    default: return false
    }
  }

  /// The block, when the request is over.
  consuming func takeBytes() -> Buffer { bytes }

  private static func writeCookies(
    _ bytes: Span<UInt8>, _ line: FieldLine, without cookies: OwnCookies, but kept: ByteRange?,
    and renewed: [UInt8]?, to writer: inout HeadWriter
  ) {
    var rest: [UInt8] = []
    CookieLine.writeWithout(cookies.names, prefixes: cookies.prefixes, but: kept, in: bytes, line.value, to: &rest)
    if let renewed { rest += rest.isEmpty ? renewed : [UInt8(ascii: ";"), UInt8(ascii: " ")] + renewed }
    guard !rest.isEmpty else { return }
    writer.write(bytes, line.name)
    writer.write(": ")
    writer.write(rest.span)
    writer.write("\r\n")
  }
}

/// The head does not fit a block once it is rewritten.
struct ForwardedHeadError: Error {
  var reason: Reason { .headTooLarge }
}

/// The fields that a message's Connection lines name: they end here (RFC 9110 §7.6.1).
struct ConnectionOptions {
  private var names: [ByteRange] = []

  /// None: Keep-Alive and Upgrade are removed anyway.
  init() {}

  init(_ fields: [FieldLine], _ bytes: Span<UInt8>) {
    for index in fields.indices where fields[index].known == .connection {
      var options = ListElements(fields[index].value)
      while let name = options.next(bytes) {
        if !name.isEmpty { names.append(name) }
      }
    }
  }

  var isEmpty: Bool { names.isEmpty }

  /// Whether one of the names is that of `line`.
  func name(_ bytes: Span<UInt8>, _ line: FieldLine) -> Bool {
    for name in names where name.count == line.name.count {
      var isSame = true
      for offset in 0..<name.count
      where FieldText.lowered(bytes[name.lowerBound + offset])
        != FieldText.lowered(bytes[line.name.lowerBound + offset])
      {
        isSame = false
        break
      }
      if isSame { return true }
    }
    return false
  }
}
