/// The request that a proof has to be for: what `htm` and `htu` are compared with (RFC 9449 §4.3).
public struct DPoPRequest: Sendable {
  /// The scheme of a target URI (RFC 9110 §4.2).
  public enum Scheme: Sendable { case http, https }

  /// As it was received: methods are case-sensitive (RFC 9110 §9.1).
  public var method: [UInt8]
  /// What the listener speaks.
  public var scheme: Scheme
  /// Of Host, without a port.
  public var host: [UInt8]
  /// Of Host; nil: the scheme's own.
  public var port: UInt16?
  /// Without a query.
  public var path: [UInt8]

  /// Takes the parts as they were received; the comparison normalizes them.
  public init(method: [UInt8], scheme: Scheme, host: [UInt8], port: UInt16?, path: [UInt8]) {
    self.method = method
    self.scheme = scheme
    self.host = host
    self.port = port
    self.path = path
  }

  func hasMethod(_ text: String) -> Bool { text.utf8.elementsEqual(method) }

  /// Whether `text` is the request's target URI (RFC 9110 §7.1), without query and fragment, after the normalization of
  /// RFC 3986 §6.2.2 and §6.2.3.
  ///
  /// A client that speaks https to what stands in front of a listener for http means https: that is the request's scheme
  /// too. It is never http on a listener for https.
  func isMeant(by text: String) -> Bool {
    guard let meant = NormalizedURI(text) else { return false }
    guard meant.scheme == .https || scheme == .http else { return false }
    guard meant.port == port ?? NormalizedURI.standardPort(meant.scheme) else { return false }
    return meant.host == NormalizedURI.host(host[...]) && meant.path == NormalizedURI.path(path[...])
  }
}

/// An http or https URI in the one form in which two of them are compared.
private struct NormalizedURI {
  let scheme: DPoPRequest.Scheme
  let host: [UInt8]
  let port: UInt16
  let path: [UInt8]

  /// nil where the text is no http or https URI with a host, or names a user in it (RFC 9110 §4.2.4).
  init?(_ text: String) {
    let bytes = Array(text.utf8)
    guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), bytes[colon...].starts(with: "://".utf8) else {
      return nil
    }
    switch String(decoding: bytes[..<colon].map(NormalizedURI.lowered), as: UTF8.self) {
    case "http": scheme = .http
    case "https": scheme = .https
    default: return nil
    }
    let rest = bytes[(colon + 3)...].prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
    let authority = rest.prefix { $0 != UInt8(ascii: "/") }
    guard !authority.contains(UInt8(ascii: "@")) else { return nil }
    // The colons of an IPv6 address stand in brackets (RFC 3986 §3.2.2).
    let portColon = authority.lastIndex(of: UInt8(ascii: ":")).flatMap { place in
      authority[place...].contains(UInt8(ascii: "]")) ? nil : place
    }
    host = NormalizedURI.host(authority[..<(portColon ?? authority.endIndex)])
    guard !host.isEmpty,
      let port = NormalizedURI.port(authority[(portColon.map { $0 + 1 } ?? authority.endIndex)...], scheme),
      let path = NormalizedURI.path(rest[authority.endIndex...])
    else { return nil }
    self.port = port
    self.path = path
  }

  static func standardPort(_ scheme: DPoPRequest.Scheme) -> UInt16 { scheme == .https ? 443 : 80 }

  /// RFC 3986 §6.2.3: none, and an empty one, is the scheme's own.
  private static func port(_ digits: ArraySlice<UInt8>, _ scheme: DPoPRequest.Scheme) -> UInt16? {
    guard digits.count <= 5 else { return nil }
    guard !digits.isEmpty else { return standardPort(scheme) }
    var number: UInt32 = 0
    for digit in digits {
      guard digit &- 0x30 < 10 else { return nil }
      number = number * 10 + UInt32(digit - 0x30)
    }
    return UInt16(exactly: number)
  }

  /// In lower case (RFC 3986 §6.2.2.1), without the dot that ends an absolute name.
  static func host(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    let name = bytes.count > 1 && bytes.last == UInt8(ascii: ".") ? bytes.dropLast() : bytes
    return name.map(lowered)
  }

  /// With unreserved bytes decoded and other escapes in upper case (RFC 3986 §6.2.2); nil where an escape is none. An
  /// empty one is `/` (§6.2.3). Dot segments stay: no request gets this far with them.
  static func path(_ bytes: ArraySlice<UInt8>) -> [UInt8]? {
    guard !bytes.isEmpty else { return [UInt8(ascii: "/")] }
    var path: [UInt8] = []
    path.reserveCapacity(bytes.count)
    var rest = bytes
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        path.append(byte)
        continue
      }
      guard let high = rest.popFirst().flatMap(hexadecimal), let low = rest.popFirst().flatMap(hexadecimal) else {
        return nil
      }
      let decoded = high << 4 | low
      if isUnreserved(decoded) {
        path.append(decoded)
      } else {
        path += [byte, digit(high), digit(low)]
      }
    }
    return path
  }

  private static func lowered(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }

  /// RFC 3986 §2.3.
  private static func isUnreserved(_ byte: UInt8) -> Bool {
    (byte | 0x20) &- 0x61 < 26 || byte &- 0x30 < 10 || [0x2D, 0x2E, 0x5F, 0x7E].contains(byte)
  }

  private static func hexadecimal(_ byte: UInt8) -> UInt8? {
    if byte &- 0x30 < 10 { return byte &- 0x30 }
    let letter = (byte | 0x20) &- 0x61
    return letter < 6 ? letter + 10 : nil
  }

  private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x37 + value }
}
