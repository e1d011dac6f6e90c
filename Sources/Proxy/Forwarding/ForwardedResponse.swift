import HTTP
import Sockets

/// An upstream's response head as the client gets it: built anew from what it means.
enum ForwardedResponse {
  /// What the head says of the exchange.
  struct Facts: ~Copyable {
    /// The request's: the response to HEAD describes a body that it does not have.
    let method: Method
    /// The client's.
    let version: HTTPVersion
    /// How the client gets the body.
    let framing: BodyFraming
    let connection: RefusalResponse.ConnectionFate
    /// The value of Date if the upstream sent none.
    let date: [UInt8]
    /// The upgrade that it accepts; nil if none.
    var upgrade: UpgradeRequest?
    /// The gateway's own cookies, which the upstream must not set.
    var ownCookies = OwnCookies.none
    /// The CORS field lines that replace the upstream's; nil if there are none.
    var corsFields: [UInt8]?
    /// The Strict-Transport-Security line that replaces the upstream's; nil if there is none.
    var strictTransport: [UInt8]?
    /// The field lines that set renewed cookies; nil unless the request's token was renewed.
    var renewal: [UInt8]?
  }

  /// Appends the head to `block`.
  ///
  /// - Parameter bytes: What `head` was parsed from.
  /// - Returns: The block, and whether the head fits it.
  static func write(
    _ head: borrowing ResponseHead, _ bytes: Span<UInt8>, facts: borrowing Facts, into block: consuming Buffer
  ) -> WrittenHead {
    var writer = HeadWriter(block)
    writeStatusLine(head, bytes, to: &writer)
    let kept = writeKeptFields(head, bytes, facts, to: &writer)
    if head.status >= 200 {
      writeOwnFields(facts, besides: kept, to: &writer)
      writeFraming(facts, to: &writer)
    }
    if let upgrade = facts.upgrade {
      if upgrade.choosesBearer(head, bytes) { writer.write("Sec-WebSocket-Protocol: bearer\r\n") }
      writer.write(upgrade)
    }
    writer.write("\r\n")
    let fits = writer.fits
    return WrittenHead(block: writer.finish(), fits: fits, asksForConnectionLogin: kept.asksForConnectionLogin)
  }

  private static func writeStatusLine(
    _ head: borrowing ResponseHead, _ bytes: Span<UInt8>, to writer: inout HeadWriter
  ) {
    // The gateway's own version, whatever the client's (RFC 9110 §2.5).
    writer.write("HTTP/1.1 ")
    writer.write(decimal: UInt64(head.status))
    writer.write(UInt8(ascii: " "))
    writer.write(bytes, head.reasonPhrase)
    writer.write("\r\n")
  }

  /// What the upstream's field lines said.
  private struct KeptFields {
    var hasDate = false
    var asksForConnectionLogin = false
  }

  /// Leaves out what is hop-by-hop, what Connection names, and what the gateway says instead (RFC 9110 §7.6.1).
  private static func writeKeptFields(
    _ head: borrowing ResponseHead, _ bytes: Span<UInt8>, _ facts: borrowing Facts, to writer: inout HeadWriter
  ) -> KeptFields {
    var kept = KeptFields()
    let options = head.namesFields ? ConnectionOptions(head.fields, bytes) : ConnectionOptions()
    // Of HEAD and 304 it says what GET would have had; 1xx and 204 have none (RFC 9110 §8.6).
    let describesAbsentBody =
      head.status == 304 || (facts.method == .head && head.status >= 200 && head.status != 204)
    for index in head.fields.indices {
      let line = head.fields[index]
      if line.known.isHopByHop {
        // What the client has to ask for, though it is the upstream that wants it (RFC 9110 §15.5.22).
        if head.status == 426, line.known == .upgrade {
          writer.write(bytes, line: line)
          writer.write("Connection: upgrade\r\n")
        }
        continue
      }
      if !options.isEmpty, options.name(bytes, line) { continue }
      switch line.known {
      // Where there is a body it is ours to write.
      case .contentLength: if !describesAbsentBody { continue }
      case .date: kept.hasDate = true
      case .wwwAuthenticate:
        if ConnectionLogin.isAmongChallenges(line.value, bytes) { kept.asksForConnectionLogin = true }
      case .setCookie: if facts.ownCookies.areSet(by: line, bytes) { continue }
      default: if isReplaced(line, bytes, facts) { continue }
      }
      writer.write(bytes, line: line)
    }
    return kept
  }

  /// Whether field lines of the gateway's own take the place of this one.
  private static func isReplaced(_ line: FieldLine, _ bytes: Span<UInt8>, _ facts: borrowing Facts) -> Bool {
    if facts.renewal != nil, cachedFields.contains(bytes, line) { return true }
    if facts.corsFields != nil, ActiveCORS.replacedFields.contains(bytes, line) { return true }
    return facts.strictTransport != nil && ActiveListener.replacedFields.contains(bytes, line)
  }

  private static func writeOwnFields(
    _ facts: borrowing Facts, besides kept: KeptFields, to writer: inout HeadWriter
  ) {
    if let corsFields = facts.corsFields { writer.write(corsFields.span) }
    if let strictTransport = facts.strictTransport { writer.write(strictTransport.span) }
    if let renewal = facts.renewal { writer.write(renewal.span) }
    if kept.hasDate { return }
    let date = facts.date
    writer.write("Date: ")
    writer.write(date.span)
    writer.write("\r\n")
  }

  /// The framing of the body, and whether the connection persists after it.
  private static func writeFraming(_ facts: borrowing Facts, to writer: inout HeadWriter) {
    switch facts.framing {
    case .length(let count):
      writer.write("Content-Length: ")
      writer.write(decimal: count)
      writer.write("\r\n")
    case .chunked: writer.write("Transfer-Encoding: chunked\r\n")
    case .none, .untilClose: break
    }
    switch facts.connection {
    case .closed: writer.write("Connection: close\r\n")
    case .kept: if facts.version == .http10 { writer.write("Connection: keep-alive\r\n") }
    }
  }

  /// What would have a cache keep a response that sets somebody's cookies.
  private static let cachedFields = FieldNameSet(["Cache-Control", "Expires", "Surrogate-Control", "CDN-Cache-Control"])
}

struct WrittenHead: ~Copyable {
  var block: Buffer
  let fits: Bool
  /// The upstream asks for a login of its connection (`ConnectionLogin`).
  let asksForConnectionLogin: Bool

  consuming func takeBlock() -> Buffer { block }
}
