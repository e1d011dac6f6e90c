import Configuration
import HTTP
import Sockets

/// `forward_auth` compiled for the loops. Immutable.
final class ActiveForwardAuth: Sendable {
  private let path: [UInt8]
  let peers: TrustedProxies
  /// Whose word about the client is believed: theirs, and that of the proxies before them.
  let trusted: [AddressBlock]

  init(_ configuration: ForwardAuthConfiguration, trustedProxies: TrustedProxies) {
    path = [UInt8](configuration.path.utf8)
    peers = configuration.peers
    trusted = configuration.peers.blocks + trustedProxies.blocks
  }

  /// Whether it is asked there.
  func isAsked(at path: Span<UInt8>) -> Bool {
    let own = self.path
    return Bytes.areEqual(own.span, path)
  }
}
