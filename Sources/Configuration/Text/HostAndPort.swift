/// `host:port` with an IPv4 literal, a bracketed IPv6 literal or a name as host.
struct HostAndPort: Sendable, Hashable {
  enum Host: Sendable, Hashable {
    case ipv4(String)
    /// Without brackets.
    case ipv6(String)
    case name(String)

    /// In lower case, without brackets.
    var text: String {
      switch self {
      case .ipv4(let literal), .ipv6(let literal), .name(let literal): literal.lowercased()
      }
    }
  }

  let host: Host
  /// nil where none is written.
  let port: UInt16?

  /// nil where `text` is malformed: an empty host, a bad literal, a port above 65535.
  init?(_ text: some StringProtocol) {
    let text = String(text)
    let hostText: Substring
    let rest: Substring
    if text.hasPrefix("[") {
      guard let bracket = text.firstIndex(of: "]") else { return nil }
      hostText = text[..<bracket].dropFirst()
      rest = text[bracket...].dropFirst()
      guard IPLiteral.isIPv6(hostText) else { return nil }
      host = .ipv6(String(hostText))
    } else {
      let colon = text.firstIndex(of: ":") ?? text.endIndex
      hostText = text[..<colon]
      rest = text[colon...]
      if IPLiteral.isIPv4(hostText) {
        host = .ipv4(String(hostText))
      } else {
        guard Self.isName(hostText) else { return nil }
        host = .name(String(hostText))
      }
    }
    if rest.isEmpty {
      port = nil
      return
    }
    guard rest.hasPrefix(":"), let number = WholeNumber.parse(rest.dropFirst()), let value = UInt16(exactly: number)
    else { return nil }
    port = value
  }

  /// Letters, digits, hyphens and underscores between dots (RFC 1123 §2.1), and not all of it digits.
  private static func isName(_ text: Substring) -> Bool {
    let labels = text.split(separator: ".", omittingEmptySubsequences: false)
    guard text.utf8.count <= 253, labels.allSatisfy({ (1...63).contains($0.utf8.count) }) else { return false }
    var holdsLetter = false
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): holdsLetter = true
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."): break
      default: return false
      }
    }
    return holdsLetter
  }
}
