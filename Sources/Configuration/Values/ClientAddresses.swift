public import HTTP

/// Whose requests a route takes, by the client's address.
public struct ClientAddresses: Sendable, Equatable {
  /// nil: from anywhere that is not denied.
  public var allowed: [AddressBlock]?
  public var denied: [AddressBlock]

  /// - Parameter client: nil where no address is known, as behind a unix socket: then `allowed` lets nobody in.
  public func admit(_ client: IPAddress?) -> Bool {
    guard let client else { return allowed == nil }
    if denied.contains(where: { $0.contains(client) }) { return false }
    return allowed?.contains { $0.contains(client) } ?? true
  }
}

/// The proxies in front whose word about the client is believed.
public struct TrustedProxies: Sendable, Equatable {
  public var blocks: [AddressBlock] = []
  /// Whether whoever connects to a unix socket is one of them.
  public var unixPeers = false

  public var isEmpty: Bool { blocks.isEmpty && !unixPeers }

  /// - Parameter peer: nil: of a unix socket.
  public func contains(_ peer: IPAddress?) -> Bool {
    guard let peer else { return unixPeers }
    return blocks.contains { $0.contains(peer) }
  }
}
