public import HTTP

/// Whose requests a route accepts, by the client's address.
public struct ClientAddresses: Sendable, Equatable {
  /// Only these; nil: all that are not denied.
  public var allowed: [AddressBlock]?
  /// Not these, whatever `allowed` says.
  public var denied: [AddressBlock]

  /// Whether the route accepts the client's requests.
  ///
  /// - Parameter client: nil where no address is known, as behind a Unix domain socket: then only a route without
  ///   `allowed` accepts it.
  public func admit(_ client: IPAddress?) -> Bool {
    guard let client else { return allowed == nil }
    if denied.contains(where: { $0.contains(client) }) { return false }
    return allowed?.contains { $0.contains(client) } ?? true
  }
}

/// The proxies in front whose word about the client is trusted.
public struct TrustedProxies: Sendable, Equatable {
  /// The addresses that they connect from.
  public var blocks: [AddressBlock] = []
  /// Whether everyone who connects through a Unix domain socket is one of them.
  public var unixPeers = false

  /// Whether no proxy is trusted.
  public var isEmpty: Bool { blocks.isEmpty && !unixPeers }

  /// Whether the peer of a connection is one of them.
  ///
  /// - Parameter peer: nil: it is connected through a Unix domain socket.
  public func contains(_ peer: IPAddress?) -> Bool {
    guard let peer else { return unixPeers }
    return blocks.contains { $0.contains(peer) }
  }
}
