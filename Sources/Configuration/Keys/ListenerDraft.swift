/// `listeners[]` as written.
struct ListenerDraft: Sendable {
  var address: Located<ListenAddress>?
  var proxyProtocol = false
  var tls: Decoded<ListenerTLSDraft>?
  var redirectPort: UInt16?

  static let keys = KeyTable<ListenerDraft>(
    "Where the gateway accepts connections.", defaults: ListenerDraft(),
    keys: [
      Key(
        "address", ifWritten: \.address, ValueKind.listenAddress.located, presence: .required,
        "`127.0.0.1:8080`, `\"[::1]:8080\"` or `unix:path`. Port 0: the system chooses, and the log says which. Each address is listened on once, port 0 too."
      ),
      Key("tls", ifWritten: \.tls, .mapping(ListenerTLSDraft.keys), "TLS; if omitted, the listener speaks plain HTTP."),
      Key(
        "redirect", ifWritten: \.redirectPort, .httpsRedirect,
        """
        Requests for the hosts of any route are redirected (308) to the same host and path with https, before a route \
        is chosen. Not those that came by https according to a trusted proxy.
        """),
      Key(
        "proxy_protocol", \.proxyProtocol, .boolean,
        """
        Whether every connection begins with a PROXY header (version 1 or 2), which is trusted: only for listeners \
        that nothing but the load balancer can reach.
        """),
    ])
}

extension ValueKind where Value == UInt16 {
  /// `https`, or `https:` and a port.
  fileprivate static var httpsRedirect: ValueKind {
    .scalar(noun: "https or https:port", reference: "`https`, or `https:` and a port") { scalar throws(ValueFault) in
      if scalar.text == "https" { return 443 }
      guard scalar.text.hasPrefix("https:"), let number = WholeNumber.parse(String(scalar.text.dropFirst(6))),
        let port = UInt16(exactly: number), port > 0
      else { throw ValueFault("is neither https nor https and a port: https:8443") }
      return port
    }
  }
}

extension ValueKind where Value == ListenAddress {
  static var listenAddress: ValueKind {
    ValueKind(noun: "an address", reference: "address") { node, decoding in
      guard let address = node.socketLocation(&decoding) else { return nil }
      switch address {
      case .unix(let path): return .unix(path)
      case .internet(.ipv4(let literal), let port): return .ipv4(literal, port: port)
      case .internet(.ipv6(let literal), let port): return .ipv6(literal, port: port)
      case .internet(.name, _):
        decoding.report(node.position, "\(node.noun) is not an IP address; listen on one, 0.0.0.0 for all of IPv4")
        return nil
      }
    }
  }
}
