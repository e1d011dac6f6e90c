public import Reason

/// A token among the protocols that a WebSocket handshake offers: `Sec-WebSocket-Protocol: bearer, TOKEN`. A page can
/// send one in no other way: its `new WebSocket(url, ["bearer", token])` sets no other field.
public struct WebSocketToken: Sendable {
  /// Where it stands.
  public let token: ByteRange
  /// The other protocols, with commas between them: what a server is offered that is to see neither `bearer` nor token.
  public let otherProtocols: [UInt8]

  /// Nil where no protocol is called `bearer`.
  ///
  /// - Throws: Where it is not plain which element is the token, or that none is (SECURITY T-14).
  public init?(_ head: borrowing RequestHead, _ bytes: Span<UInt8>) throws(WebSocketTokenError) {
    var elements: [ByteRange] = []
    var lines = 0
    for index in head.fields.indices where WebSocketToken.isField(bytes, head.fields[index]) {
      lines += 1
      var list = ListElements(head.fields[index].value)
      while let element = list.next(bytes) { elements.append(element) }
    }
    // Also without `bearer`: what looks almost like it to us may well be it for others, and has a token behind it.
    guard elements.allSatisfy({ WebSocketToken.isToken(bytes, $0) }) else { throw .malformed }
    let places = elements.indices.filter { FieldText.isWord(bytes, elements[$0], "bearer") }
    guard let place = places.first else { return nil }
    guard places.count == 1, lines == 1 else { throw .repeated }
    // Names of protocols have one spelling (RFC 6455 §4.2.2), which is what the client expects to read again.
    guard WebSocketToken.isInLowerCase(bytes, elements[place]), place + 1 < elements.count else { throw .malformed }
    token = elements[place + 1]
    var others: [UInt8] = []
    for index in elements.indices where index != place && index != place + 1 {
      if !others.isEmpty { others += [UInt8(ascii: ","), UInt8(ascii: " ")] }
      for offset in elements[index].lowerBound..<elements[index].upperBound { others.append(bytes[offset]) }
    }
    otherProtocols = others
  }

  /// Whether `line` is Sec-WebSocket-Protocol.
  public static func isField(_ bytes: Span<UInt8>, _ line: FieldLine) -> Bool {
    FieldText.isWord(bytes, line.name, "sec-websocket-protocol")
  }

  /// Whether `line` is Sec-WebSocket-Protocol, or another spelling that a server may read as it (SECURITY I-2).
  public static func isAlike(_ bytes: Span<UInt8>, _ line: FieldLine) -> Bool { fieldName.contains(bytes, line) }

  private static let fieldName = FieldNameSet(["Sec-WebSocket-Protocol"])

  /// 1*tchar, as every protocol's name is (RFC 6455 §4.1).
  private static func isToken(_ bytes: Span<UInt8>, _ element: ByteRange) -> Bool {
    for index in element.lowerBound..<element.upperBound where !ByteClass.isToken(bytes[index]) {
      return false
    }
    return !element.isEmpty
  }

  private static func isInLowerCase(_ bytes: Span<UInt8>, _ word: ByteRange) -> Bool {
    for index in word.lowerBound..<word.upperBound where ByteClass.lowered(bytes[index]) != bytes[index] {
      return false
    }
    return true
  }
}

/// What is wrong with `bearer` among the protocols of a WebSocket handshake.
public enum WebSocketTokenError: Error, Equatable {
  /// It stands twice, or there are several lines.
  case repeated
  /// Nothing stands behind it, it is spelled in another way, or an element is no name of a protocol.
  case malformed

  /// `credentialRepeated` or `tokenMalformed`.
  public var reason: Reason {
    switch self {
    case .repeated: .credentialRepeated
    case .malformed: .tokenMalformed
    }
  }
}
