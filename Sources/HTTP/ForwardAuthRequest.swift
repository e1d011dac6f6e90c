public import Reason

/// The request that a proxy in front asks about: `X-Forwarded-Method`, `X-Forwarded-Host` and `X-Forwarded-Uri` name it,
/// and its other fields stand beside them.
///
/// It is written out as a request head of its own, so that it is read by the same rules as if it had come itself
/// (SECURITY I-8).
public enum ForwardAuthRequest {
  /// Writes the head.
  ///
  /// What belongs to the proxy's own message stays behind: its framing, and what is hop-by-hop.
  ///
  /// - Parameters:
  ///   - head: The proxy's question, parsed from `bytes`.
  ///   - output: Emptied first.
  /// - Throws: Where one of the three fields is not there exactly once, or is nothing that a request line can hold.
  public static func write(
    _ head: borrowing RequestHead, _ bytes: Span<UInt8>, to output: inout [UInt8]
  ) throws(ForwardAuthError) {
    output.removeAll(keepingCapacity: true)
    var method: ByteRange?
    var host: ByteRange?
    var target: ByteRange?
    for index in head.fields.indices where head.fields[index].known == .other {
      let line = head.fields[index]
      if FieldText.isWord(bytes, line.name, "x-forwarded-method") {
        try set(&method, line.value)
      } else if FieldText.isWord(bytes, line.name, "x-forwarded-host") {
        try set(&host, line.value)
      } else if FieldText.isWord(bytes, line.name, "x-forwarded-uri") {
        try set(&target, line.value)
      }
    }
    guard let method, let host, let target, isPlain(bytes, method), isPlain(bytes, host), isPlain(bytes, target),
      bytes[target.lowerBound] == UInt8(ascii: "/")
    else { throw ForwardAuthError() }
    output.append(bytes, method)
    output.append(UInt8(ascii: " "))
    output.append(bytes, target)
    output += " HTTP/1.1\r\nHost: ".utf8
    output.append(bytes, host)
    output += "\r\n".utf8
    for index in head.fields.indices where isOfRequest(head.fields[index], bytes) {
      output.append(bytes, head.fields[index].name)
      output += ": ".utf8
      output.append(bytes, head.fields[index].value)
      output += "\r\n".utf8
    }
    output += "\r\n".utf8
  }

  /// The protocol that the request asks to go on in, in lower case; nil if it asks for none. Most proxies keep Upgrade
  /// itself to themselves, in the question: then the other fields of a WebSocket handshake say it.
  ///
  /// - Returns: An empty name, which no protocol has, if there are several Upgrade lines.
  public static func upgrade(_ head: borrowing RequestHead, _ bytes: Span<UInt8>) -> [UInt8]? {
    if head.upgradeCount > 1 { return [] }
    if head.upgradeCount > 0 {
      let value = head.fields[head.upgradeLine].value
      var name: [UInt8] = []
      for index in value.lowerBound..<value.upperBound { name.append(ByteClass.lowered(bytes[index])) }
      return name
    }
    for index in head.fields.indices where head.fields[index].known == .other {
      let line = head.fields[index]
      let isOfHandshake =
        FieldText.isWord(bytes, line.name, "sec-websocket-key")
        || FieldText.isWord(bytes, line.name, "sec-fetch-mode") && FieldText.isWord(bytes, line.value, "websocket")
      if isOfHandshake { return [UInt8]("websocket".utf8) }
    }
    return nil
  }

  private static func set(_ place: inout ByteRange?, _ value: ByteRange) throws(ForwardAuthError) {
    guard place == nil else { throw ForwardAuthError() }
    place = value
  }

  /// Not empty, and nothing that ends a part of a request line.
  private static func isPlain(_ bytes: Span<UInt8>, _ value: ByteRange) -> Bool {
    for index in value.lowerBound..<value.upperBound where bytes[index] <= 0x20 || bytes[index] == 0x7F { return false }
    return !value.isEmpty
  }

  private static func isOfRequest(_ line: FieldLine, _ bytes: Span<UInt8>) -> Bool {
    switch line.known {
    case .host, .contentLength, .expect: false
    case .other:
      // Said already. Forwarded may be the client's, as none of these proxies writes it, and would name another host.
      !(FieldText.isWord(bytes, line.name, "x-forwarded-method")
        || FieldText.isWord(bytes, line.name, "x-forwarded-host")
        || FieldText.isWord(bytes, line.name, "x-forwarded-uri") || FieldText.isWord(bytes, line.name, "forwarded"))
    default: !line.known.isHopByHop
    }
  }
}

/// What a proxy asks about is no request.
public struct ForwardAuthError: Error, Equatable {
  /// Always `forwardedInvalid`.
  public var reason: Reason { .forwardedInvalid }
}
