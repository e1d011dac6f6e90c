/// `routes[].headers` as written.
struct HeadersDraft: Sendable {
  var set: [LocatedHeader]?
  var removed: [Located<String>]?

  static let keys = KeyTable<HeadersDraft>(
    "Headers of the forwarded request, besides those that the gateway itself sets.", defaults: HeadersDraft(),
    keys: [
      Key(
        "set", ifWritten: \.set, .headers,
        "Headers and their values: `X-Env: prod`. The client's header of the same name is removed."),
      Key("remove", ifWritten: \.removed, .list(of: .headerName, "headers"), "Client headers that are not forwarded."),
    ])
}

/// A header that is set, and where its name stands.
struct LocatedHeader: Sendable {
  let header: HeaderChanges.Header
  let position: Position
}

/// Which headers a route may set or remove: none that frames a message, says who sends it or whither, or holds a
/// credential.
enum RequestHeaderName {
  static func fault(_ name: String) -> ValueFault? {
    guard FieldToken.isValid(name) else { return ValueFault("is not a header name (RFC 9110 §5.1)") }
    let folded = IdentityHeaderName.fold(name)
    guard
      folded == extensions || (!reserved.contains(folded) && !reservedPrefixes.contains(where: folded.hasPrefix))
    else {
      return ValueFault("cannot be changed by a route; the gateway itself sets or removes it where necessary")
    }
    return nil
  }

  /// Without them a connection has none, as where they are not to be compressed (RFC 7692).
  private static let extensions = "sec-websocket-extensions"
  /// What says where a request comes from, and the handshake of a WebSocket (RFC 6455 §11.3).
  private static let reservedPrefixes = ["x-forwarded-", "sec-websocket-"]

  /// Fewer than a client cannot send: an application that stands below a path of its own is told so by `Script-Name`.
  static let reserved: Set<String> = [
    "authorization", "connection", "content-encoding", "content-length", "content-type", "cookie", "date", "dpop",
    "expect", "forwarded", "host", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te",
    "traceparent", "tracestate", "trailer", "transfer-encoding", "upgrade", "via", "x-client-ip", "x-http-method",
    "x-http-method-override", "x-method-override", "x-original-uri", "x-original-url", "x-real-ip", "x-request-id",
    "x-rewrite-url",
  ]
}

extension ValueKind where Value == Located<String> {
  fileprivate static var headerName: ValueKind {
    let name = ValueKind<String>.scalar(noun: "a header", reference: "header") { scalar throws(ValueFault) in
      if let fault = RequestHeaderName.fault(scalar.text) { throw fault }
      return scalar.text
    }
    return name.located
  }
}

extension ValueKind where Value == String {
  /// A field value (RFC 9110 §5.5) that every server reads alike.
  static var headerValue: ValueKind {
    .scalar(noun: "a header's value", reference: "text", text: \.self) { scalar throws(ValueFault) in
      guard !scalar.text.isEmpty else { throw ValueFault("is empty; to leave a header out write it under \"remove\"") }
      guard scalar.text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
        throw ValueFault("is not a header value: it may contain only visible ASCII and spaces")
      }
      guard !scalar.text.hasPrefix(" "), !scalar.text.hasSuffix(" ") else {
        throw ValueFault("begins or ends with a space, which would be lost on the way")
      }
      guard scalar.text.utf8.count <= 4096 else { throw ValueFault("is longer than 4096 bytes") }
      return scalar.text
    }
  }
}

extension ValueKind where Value == [LocatedHeader] {
  static var headers: ValueKind {
    let value = ValueKind<String>.headerValue
    return ValueKind(
      noun: "a mapping from headers to values", reference: "mapping: header to value",
      // An upstream may be told a key of its own by one.
      effective: { node in
        guard case .mapping(let entries) = node.content else { return .hidden }
        return .mapping(entries.map { .init(key: $0.key, value: .hidden) })
      },
      decode: { node, decoding in
        guard let entries = node.hidden.entries(expected: "a mapping from headers to values", &decoding) else {
          return nil
        }
        var headers: [LocatedHeader] = []
        for entry in entries {
          if let fault = RequestHeaderName.fault(entry.key) {
            decoding.report(entry.keyPosition, "\"\(entry.key)\" \(fault.predicate)")
          }
          guard let text = value.decode(entry.value.hidden, &decoding) else { continue }
          if let secret = WrittenSecret(entry.key, entry.keyPosition, value: entry.value) {
            decoding.secretsWritten.append(secret)
          }
          headers.append(LocatedHeader(header: .init(name: entry.key, value: text), position: entry.keyPosition))
        }
        return headers
      })
  }
}
