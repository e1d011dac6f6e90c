/// An entry of `upstreams.<name>.servers` that is a mapping, as written.
struct ServerDraft: Sendable {
  var address: WrittenServer?
  var weight = 1

  static let keys = KeyTable<ServerDraft>(
    "A server is its address alone, or a mapping.", defaults: ServerDraft(),
    keys: [
      Key(
        "address", ifWritten: \.address, .serverAddress, presence: .required,
        """
        Where it is: `10.0.0.1:8080`, `"[::1]:8080"`, `orders.internal:8080`, `https://orders.internal:8443` or \
        `unix:path`.
        """),
      Key(
        "weight", \.weight, .count(1...100),
        "Its share of the requests, relative to the other servers. Each address of a name has it."),
    ])
}

extension ValueKind where Value == ServerConfiguration {
  /// An address, or a mapping with one.
  static var server: ValueKind {
    ValueKind(
      noun: "a server", reference: "address or mapping", sections: { ServerDraft.keys.reference($0) },
      effective: { ServerDraft.keys.effective($0) },
      decode: { node, decoding in
        guard case .mapping = node.content else {
          return ValueKind<WrittenServer>.serverAddress.decode(node, &decoding).map { $0.server(weight: 1) }
        }
        guard let draft = ServerDraft.keys.decode(node, &decoding)?.value, let address = draft.address else {
          return nil
        }
        return address.server(weight: draft.weight)
      })
  }
}

/// A server's address as written.
struct WrittenServer: Sendable {
  let address: ServerAddress
  /// The host of an https server; nil: it speaks in clear.
  let securedHost: String?

  func server(weight: Int) -> ServerConfiguration {
    ServerConfiguration(address, weight: weight, securedHost: securedHost)
  }
}

extension ValueKind where Value == WrittenServer {
  fileprivate static var serverAddress: ValueKind {
    ValueKind(noun: "an address", reference: "address") { node, decoding in
      if case .scalar(let scalar) = node.content, scalar.text.contains("://") {
        return securedServer(scalar, node, &decoding)
      }
      guard let location = node.socketLocation(&decoding) else { return nil }
      guard let address = location.server else {
        decoding.report(node.position, "\(node.noun): a server has a port, 1 to 65535")
        return nil
      }
      return WrittenServer(address: address, securedHost: nil)
    }
  }

  /// `https://host` or `https://host:port`; nil after a report.
  private static func securedServer(_ scalar: Scalar, _ node: Node, _ decoding: inout Decoding) -> WrittenServer? {
    guard scalar.text.hasPrefix("https://") else {
      decoding.report(
        node.position,
        "\(scalar.quoted) is not an address; write host:port for HTTP without TLS, https://host:port for HTTP with it")
      return nil
    }
    guard let place = HostAndPort(scalar.text.dropFirst(8)), place.port != 0 else {
      decoding.report(
        node.position,
        "\(scalar.quoted) is not an https server; write https://host or https://host:port, with nothing after it")
      return nil
    }
    let location = SocketLocation(place.host, port: place.port ?? 443)
    return location.server.map { WrittenServer(address: $0, securedHost: place.host.text) }
  }
}

extension SocketLocation {
  /// nil where it has no port.
  fileprivate var server: ServerAddress? {
    switch self {
    case .internet(_, 0): nil
    case .unix(let path): .unix(path)
    case .internet(.ipv4(let literal), let port): .ipv4(literal, port: port)
    case .internet(.ipv6(let literal), let port): .ipv6(literal, port: port)
    case .internet(.name(let name), let port): .name(name.lowercased(), port: port)
    }
  }
}
