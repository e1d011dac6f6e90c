/// An absolute http or https URL of an issuer (RFC 3986), kept as it was written: issuers are compared byte for byte.
struct WebAddress: Sendable, Hashable {
  enum Scheme: Sendable, Hashable { case http, https }

  let text: String
  let scheme: Scheme
  /// As written, without brackets and port.
  let host: String
  /// From the first `/`; may be empty.
  let path: String

  /// nil where `text` is no such URL, names a user, or has a fragment.
  init?(_ text: String) {
    let rest: Substring
    if text.hasPrefix("https://") {
      (scheme, rest) = (.https, text.dropFirst(8))
    } else if text.hasPrefix("http://") {
      (scheme, rest) = (.http, text.dropFirst(7))
    } else {
      return nil
    }
    guard rest.utf8.allSatisfy(Self.mayStandInURL) else { return nil }
    let authorityEnd = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
    guard let authority = HostAndPort(rest[..<authorityEnd]), authority.port != 0 else { return nil }
    host =
      switch authority.host {
      case .ipv4(let literal), .ipv6(let literal), .name(let literal): literal
      }
    path = String(rest[authorityEnd...])
    self.text = text
  }

  /// https, or http that never leaves the machine.
  var isProtected: Bool { scheme == .https || IPLiteral.isLoopback(host) }

  private static func mayStandInURL(_ byte: UInt8) -> Bool {
    switch byte {
    case 0...0x20, 0x7F...0xFF: false
    case UInt8(ascii: "#"), UInt8(ascii: "\""), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "\\"),
      UInt8(ascii: "^"), UInt8(ascii: "`"), UInt8(ascii: "{"), UInt8(ascii: "|"), UInt8(ascii: "}"):
      false
    default: true
    }
  }
}
