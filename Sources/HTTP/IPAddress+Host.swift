/// IPv6 addresses as hosts, which one may write in many ways.
extension IPAddress {
  /// The address in brackets (RFC 3986 §3.2.2); nil if the host is anything else.
  ///
  /// - Parameter host: Without a port.
  public init?(host: Span<UInt8>) {
    let end = host.count - 1
    guard end > 1, host[0] == UInt8(ascii: "["), host[end] == UInt8(ascii: "]"),
      let address = IPv6Text.parse(host, 1, end)
    else { return nil }
    self = address
  }

  /// As a host, in brackets: one text for one address (RFC 5952), and an IPv4-mapped one is not the host that its IPv4
  /// form is.
  public var host: String { isIPv4 ? "[::ffff:\(text)]" : "[\(text)]" }
}
