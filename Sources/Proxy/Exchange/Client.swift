import Configuration
import HTTP

/// The client that sent a request: the peer, or the client that trusted proxies name.
struct Client: Sendable {
  var peer = Peer()
  /// The result of the TLS handshake with the peer; nil if the connection is not encrypted.
  var secured: SecuredConnection?
  /// What the peer states about the client; nil unless it is a trusted proxy.
  var said: ForwardedRequest?

  /// No client yet.
  init() {}

  /// The client of the request whose head was parsed from `bytes`. What it states about itself counts only if the peer
  /// is a trusted proxy (SECURITY I-7).
  ///
  /// - Throws: `ForwardedError` if what a trusted proxy states is invalid.
  init(
    peer: Peer, secured: SecuredConnection?, _ head: borrowing RequestHead, _ bytes: Span<UInt8>,
    in active: ActiveConfiguration
  ) throws(ForwardedError) {
    self.peer = peer
    self.secured = secured
    guard active.trustsProxies, active.configuration.trustedProxies.contains(peer.address) else { return }
    said = try ForwardedRequest(head, bytes, trusted: active.configuration.trustedProxies.blocks)
  }

  /// The client of the request that the peer asks about; the peer is trusted to state it.
  ///
  /// - Throws: `ForwardedError` if what it states is invalid.
  init(
    peer: Peer, secured: SecuredConnection?, _ head: borrowing RequestHead, _ bytes: Span<UInt8>,
    trusted: [AddressBlock]
  ) throws(ForwardedError) {
    self.peer = peer
    self.secured = secured
    said = try ForwardedRequest(head, bytes, trusted: trusted)
  }

  /// The scheme of the peer's connection to the gateway.
  var peerScheme: Scheme { secured == nil ? .http : .https }
  /// The client's address; nil if there is none.
  var address: IPAddress? { said?.client ?? peer.address }
  /// The scheme that the client uses.
  var scheme: Scheme { said?.scheme ?? peerScheme }
}
