import HTTP
import Sockets

/// An upstream's response head as the client gets it: built anew from what it means.
enum ForwardedResponse {
  /// Appends the head to `block`.
  ///
  /// - Parameters:
  ///   - upgrade: What it switches to, where it does.
  ///   - strictTransport: What it says of TLS instead of the upstream; nil: nothing.
  ///   - ownCookies: The gateway's own cookies, which the upstream does not set.
  ///   - renewal: The access token that the request was let in with instead of its own; nil: its own was good.
  ///   - corsFields: What the gateway says of other origins instead of the upstream; nil: nothing.
  /// - Returns: The block, and whether the head fits it.
  static func write(
    _ head: borrowing ResponseHead, _ bytes: Span<UInt8>, framing: BodyFraming, answering method: Method,
    version: HTTPVersion, connection: RefusalResponse.ConnectionFate, upgrade: UpgradeRequest? = nil, date: Span<UInt8>,
    corsFields: [UInt8]? = nil, strictTransport: [UInt8]? = nil, ownCookies: OwnCookies = .none,
    renewal: [UInt8]? = nil, into block: consuming Buffer
  ) -> WrittenHead {
    var writer = HeadWriter(block)
    // The gateway's own version, whatever the client's (RFC 9110 §2.5).
    writer.write("HTTP/1.1 ")
    writer.write(decimal: UInt64(head.status))
    writer.write(UInt8(ascii: " "))
    writer.write(bytes, head.reasonPhrase)
    writer.write("\r\n")
    let options = head.namesFields ? ConnectionOptions(head.fields, bytes) : ConnectionOptions()
    // Of HEAD and 304 it says what GET would have had; 1xx and 204 have none (RFC 9110 §8.6).
    let describesAbsentBody =
      head.status == 304 || (method == .head && head.status >= 200 && head.status != 204)
    var hasDate = false
    var asksForConnectionLogin = false
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
      case .date: hasDate = true
      case .wwwAuthenticate:
        if ConnectionLogin.isAmongChallenges(line.value, bytes) { asksForConnectionLogin = true }
      case .setCookie: if ownCookies.areSet(by: line, bytes) { continue }
      default:
        if renewal != nil, ForwardedResponse.cachedFields.contains(bytes, line) { continue }
        if corsFields != nil, ActiveCORS.replacedFields.contains(bytes, line) { continue }
        if strictTransport != nil, ActiveListener.replacedFields.contains(bytes, line) { continue }
      }
      writer.write(bytes, line: line)
    }
    if head.status >= 200 {
      if let corsFields { writer.write(corsFields.span) }
      if let strictTransport { writer.write(strictTransport.span) }
      if let renewal { writer.write(renewal.span) }
      if !hasDate {
        writer.write("Date: ")
        writer.write(date)
        writer.write("\r\n")
      }
      switch framing {
      case .length(let count):
        writer.write("Content-Length: ")
        writer.write(decimal: count)
        writer.write("\r\n")
      case .chunked: writer.write("Transfer-Encoding: chunked\r\n")
      case .none, .untilClose: break
      }
      switch connection {
      case .closed: writer.write("Connection: close\r\n")
      case .kept: if version == .http10 { writer.write("Connection: keep-alive\r\n") }
      }
    }
    if let upgrade {
      if upgrade.choosesBearer(head, bytes) { writer.write("Sec-WebSocket-Protocol: bearer\r\n") }
      writer.write(upgrade)
    }
    writer.write("\r\n")
    let fits = writer.fits
    return WrittenHead(block: writer.finish(), fits: fits, asksForConnectionLogin: asksForConnectionLogin)
  }
}

extension ForwardedResponse {
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
