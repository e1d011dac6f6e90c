import Access
import Configuration
import HTTP
import Sockets

/// `forward_auth` compiled for the loops. Immutable.
final class ActiveForwardAuth: Sendable {
  /// What the proxy does with a response that is not 200.
  enum Mode: Sendable {
    /// It understands only 401 and 403, as nginx does.
    case status
    /// It passes the response on to the client, so that users are sent to sign in, as Caddy and Traefik do.
    case redirect

    /// - Parameter range: The query of the question. If the proxy's configuration has none, Caddy passes on that of the
    ///   request.
    init(query bytes: Span<UInt8>, _ range: ByteRange) {
      self = FieldText.isWord(bytes, range, "?mode=redirect") ? .redirect : .status
    }
  }

  let path: OwnPath
  let peers: TrustedProxies
  /// The proxies trusted to state the client: the peers, and the proxies in front of them.
  let trusted: [AddressBlock]
  let misleadingFields: MisleadingFields
  /// The names that every response has: a proxy copies one list of fields whatever the route. For a field that is not
  /// there, Caddy hands the application a placeholder's name as the identity (SECURITY I-1).
  let answeredNames: IdentityNames

  /// - Parameter identity: The names of the identity headers of all routes.
  init(_ configuration: ForwardAuthConfiguration, trustedProxies: TrustedProxies, identity: [String]) {
    path = configuration.ownPath
    peers = configuration.peers
    trusted = configuration.peers.blocks + trustedProxies.blocks
    misleadingFields = MisleadingFields(identity: identity)
    answeredNames = IdentityNames(IdentityMapping.defaults.headerNames + identity)
  }
}
