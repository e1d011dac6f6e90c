import Configuration
import HTTP

/// Who sent a request: the peer, or whom trusted proxies name.
struct Client: Sendable {
  var peer = Peer()
  /// What the TLS handshake with the peer has shown; nil: it speaks in clear.
  var secured: SecuredConnection?
  /// What the peer says, where it is a trusted proxy.
  var said: ForwardedRequest?

  /// Of nobody.
  init() {}

  /// Of the request whose head was parsed from `bytes`: what is said of it counts where the peer is a trusted proxy
  /// (SECURITY I-7).
  init(
    peer: Peer, secured: SecuredConnection?, _ head: borrowing RequestHead, _ bytes: Span<UInt8>,
    in active: ActiveConfiguration
  ) throws(ForwardedError) {
    self.peer = peer
    self.secured = secured
    guard active.trustsProxies, active.configuration.trustedProxies.contains(peer.address) else { return }
    said = try ForwardedRequest(head, bytes, trusted: active.configuration.trustedProxies.blocks)
  }

  /// Of the request that the peer asks about, which it is trusted with.
  init(
    peer: Peer, secured: SecuredConnection?, _ head: borrowing RequestHead, _ bytes: Span<UInt8>,
    trusted: [AddressBlock]
  ) throws(ForwardedError) {
    self.peer = peer
    self.secured = secured
    said = try ForwardedRequest(head, bytes, trusted: trusted)
  }

  /// How the peer speaks to the gateway.
  var peerScheme: Scheme { secured == nil ? .http : .https }
  var address: IPAddress? { said?.client ?? peer.address }
  /// As the client speaks it.
  var scheme: Scheme { said?.scheme ?? peerScheme }
}
