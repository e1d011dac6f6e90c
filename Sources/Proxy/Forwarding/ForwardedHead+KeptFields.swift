import Configuration
import HTTP

/// What of a request's field lines goes on.
extension ForwardedHead {
  /// Leaves out what is hop-by-hop, what Connection names, and what only the gateway may say (RFC 9110 §7.6.1;
  /// SECURITY I-1 to I-6).
  static func writeKeptFields(
    _ head: borrowing RequestHead, _ bytes: Span<UInt8>, _ facts: borrowing Facts, _ trace: TraceFields,
    _ configuration: ActiveConfiguration, to writer: inout HeadWriter
  ) {
    let removesToken = facts.route.configuration.token == .remove
    let options = head.namesFields ? ConnectionOptions(head.fields, bytes) : ConnectionOptions()
    let hidesProtocols = facts.route.hidesWebSocketProtocol(besides: facts.credential)
    // Outside of a handshake the field says nothing, and may hold a token all the same.
    let dropsProtocols = facts.upgrade?.otherProtocols != nil || facts.upgrade?.webSocketKey == nil
    for index in head.fields.indices {
      let line = head.fields[index]
      // No Connection option takes away what has a case of its own (SECURITY I-3).
      switch line.known {
      case .host, .contentLength, .expect: continue
      case .authorization:
        if removesAuthorization(facts) { continue }
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
          writeCookies(
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
  }

  /// Whether it carries a login of the connection, which nobody else may use then.
  static func keepsConnectionLogin(
    _ head: borrowing RequestHead, _ bytes: Span<UInt8>, _ facts: borrowing Facts
  ) -> Bool {
    guard head.authorizationLine >= 0, !removesAuthorization(facts) else { return false }
    return ConnectionLogin.isScheme(of: head.fields[head.authorizationLine].value, bytes)
  }

  private static func removesAuthorization(_ facts: borrowing Facts) -> Bool {
    guard facts.route.configuration.token == .remove, case .authorization = facts.credential else { return false }
    return true
  }

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
