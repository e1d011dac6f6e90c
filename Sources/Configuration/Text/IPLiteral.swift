import HTTP

/// IP addresses as text. Only literals: no name is ever looked up here.
enum IPLiteral {
  /// Four decimal numbers, none with a leading zero (which some programs read as octal).
  static func isIPv4(_ text: some StringProtocol) -> Bool { !text.contains(":") && IPAddress(String(text)) != nil }

  /// RFC 4291 §2.2, without brackets and zone.
  static func isIPv6(_ text: some StringProtocol) -> Bool { text.contains(":") && IPAddress(String(text)) != nil }

  /// Whether `host` (a literal without brackets, or `localhost`) never leaves the machine. An IPv4 address that is
  /// written as an IPv6 one is not known for it: whoever connects reads it otherwise.
  static func isLoopback(_ host: some StringProtocol) -> Bool {
    if host.lowercased() == "localhost" { return true }
    guard let address = IPAddress(String(host)) else { return false }
    return host.contains(":") ? address.high == 0 && address.low == 1 : address.low >> 24 & 0xFF == 127
  }
}
