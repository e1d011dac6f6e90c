import Configuration
import HTTP
import Sockets

/// `forward_auth` compiled for the loops. Immutable.
final class ActiveForwardAuth: Sendable {
  /// What the proxy does with an answer that is not 200.
  enum Mode: Sendable {
    /// It understands 401 and 403 alone: nginx.
    case status
    /// It passes the answer on to the client, so that people are sent to sign in: Caddy, Traefik.
    case redirect

    /// - Parameter range: The query of the question. Where the proxy has written none, Caddy passes on that of the
    ///   request.
    init(query bytes: Span<UInt8>, _ range: ByteRange) {
      self = FieldText.isWord(bytes, range, "?mode=redirect") ? .redirect : .status
    }
  }

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
