/// An entry of `upstreams.<name>.servers` that is a mapping, as written.
struct ServerDraft: Sendable {
  var address: ServerAddress?
  var weight = 1

  static let keys = KeyTable<ServerDraft>(
    "A server is its address alone, or a mapping.", defaults: ServerDraft(),
    keys: [
      Key(
        "address", ifWritten: \.address, .serverAddress, presence: .required,
        "Where it is: `10.0.0.1:8080`, `\"[::1]:8080\"`, `orders.internal:8080` or `unix:path`."),
      Key(
        "weight", \.weight, .count(1...100),
        "Its share of the requests, beside those of the others. Each address of a name has it."),
    ])
}

extension ValueKind where Value == ServerConfiguration {
  /// An address, or a mapping with one.
  static var server: ValueKind {
    ValueKind(
      noun: "a server", reference: "address or mapping", sections: { ServerDraft.keys.reference($0) },
      decode: { node, decoding in
        guard case .mapping = node.content else {
          return ValueKind<ServerAddress>.serverAddress.decode(node, &decoding).map { ServerConfiguration($0) }
        }
        guard let draft = ServerDraft.keys.decode(node, &decoding)?.value, let address = draft.address else {
          return nil
        }
        return ServerConfiguration(address, weight: draft.weight)
      })
  }
}

extension ValueKind where Value == ServerAddress {
  static var serverAddress: ValueKind {
    ValueKind(noun: "an address", reference: "address") { node, decoding in
      if case .scalar(let scalar) = node.content, scalar.text.contains("://") {
        let cure = "write host:port, for HTTP without TLS"
        let message = scalar.text.hasPrefix("https://") ? "https servers are not supported in this version" : "no URL"
        decoding.report(node.position, "\"\(scalar.written)\": \(message); \(cure)")
        return nil
      }
      guard let address = node.socketLocation(&decoding) else { return nil }
      switch address {
      case .internet(_, 0):
        decoding.report(node.position, "\(node.noun): a server has a port, 1 to 65535")
        return nil
      case .unix(let path): return .unix(path)
      case .internet(.ipv4(let literal), let port): return .ipv4(literal, port: port)
      case .internet(.ipv6(let literal), let port): return .ipv6(literal, port: port)
      case .internet(.name(let name), let port): return .name(name.lowercased(), port: port)
      }
    }
  }
}
