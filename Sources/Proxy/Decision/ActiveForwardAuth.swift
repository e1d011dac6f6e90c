import Access
import Configuration
import HTTP
import Sockets

/// `forward_auth` compiled for the loops. Immutable.
final class ActiveForwardAuth: Sendable {
  /// What the proxy does with a response that is not 200.
  enum Mode: Sendable {
    /// It understands 401 and 403 alone: nginx.
    case status
    /// It passes the response on to the client, so that people are sent to sign in: Caddy, Traefik.
    case redirect

    /// - Parameter range: The query of the question. Where the proxy has written none, Caddy passes on that of the
    ///   request.
    init(query bytes: Span<UInt8>, _ range: ByteRange) {
      self = FieldText.isWord(bytes, range, "?mode=redirect") ? .redirect : .status
    }
  }

  let path: OwnPath
  let peers: TrustedProxies
  /// Whose word about the client is believed: theirs, and that of the proxies before them.
  let trusted: [AddressBlock]
  let misleadingFields: MisleadingFields

  /// - Parameter identity: The names of all routes' headers that say who somebody is.
  init(_ configuration: ForwardAuthConfiguration, trustedProxies: TrustedProxies, identity: [String]) {
    path = configuration.ownPath
    peers = configuration.peers
    trusted = configuration.peers.blocks + trustedProxies.blocks
    misleadingFields = MisleadingFields(identity: identity)
  }
}
