internal import COpenSSL

/// What one listener speaks on one loop: its certificates, who its clients may be, and its session tickets.
///
/// It never changes, and OpenSSL's SSL_CTX may be used from anywhere; that each loop has one of its own keeps them from
/// waiting for each other.
@safe
public final class TLSContext: @unchecked Sendable {
  /// What contexts of a listener are made of.
  public struct Settings: Sendable, Equatable {
    /// At least one; the first is shown to whoever names no host, or one that none is for.
    public var certificates: [ServerCertificate]
    /// Who is asked for a certificate; nil: nobody.
    public var clients: Clients?
    /// The oldest version that is spoken: TLS 1.2 by default.
    public var minimum: TLSVersion
    /// Tells listeners apart: a session is resumed where it began, and nowhere else.
    public var name: String

    /// By default clients are not asked for a certificate, and TLS 1.2 is spoken as well as 1.3.
    public init(
      certificates: [ServerCertificate], clients: Clients? = nil, minimum: TLSVersion = .tls12, name: String
    ) {
      self.certificates = certificates
      self.clients = clients
      self.minimum = minimum
      self.name = name
    }
  }

  /// How clients show who they are.
  public struct Clients: Sendable, Equatable {
    /// The authorities that are believed; clients are told their names (RFC 8446 §4.2.4).
    public let authorities: ClientAuthorities
    /// Whether a client without a certificate is refused.
    public let areRequired: Bool

    /// - Parameter areRequired: Whether a client without a certificate is refused.
    public init(authorities: ClientAuthorities, areRequired: Bool) {
      self.authorities = authorities
      self.areRequired = areRequired
    }
  }

  /// The certificates of the settings, in their order.
  public let certificates: [ServerCertificate]
  let tickets: TicketKeys
  let clock: @Sendable () -> Int
  /// One for each certificate.
  private let contexts: [SSLContext]

  /// - Parameters:
  ///   - settings: With one certificate at least.
  ///   - tickets: Those of all loops: a session is resumed on any of them.
  /// - Throws: If a certificate or its key cannot be used, or OpenSSL fails.
  public convenience init(_ settings: Settings, tickets: TicketKeys) throws(TLSFault) {
    try self.init(settings, tickets: tickets, clock: SessionAge.clock)
  }

  /// - Parameter clock: The time of day, in seconds.
  init(_ settings: Settings, tickets: TicketKeys, clock: @escaping @Sendable () -> Int) throws(TLSFault) {
    precondition(!settings.certificates.isEmpty)
    certificates = settings.certificates
    self.tickets = tickets
    self.clock = clock
    var contexts: [SSLContext] = []
    let identity = try settings.sessionIdentity()
    for certificate in settings.certificates {
      let context = try SSLContext(.server)
      try certificate.serve(from: context)
      try settings.clients?.authorities.require(from: context, isRequired: settings.clients?.areRequired ?? true)
      let minimum = settings.minimum == .tls13 ? TLS1_3_VERSION : TLS1_2_VERSION
      let isNamed = unsafe identity.withUnsafeBufferPointer { identity in
        unsafe SSL_CTX_set_session_id_context(context.pointer, identity.baseAddress, UInt32(identity.count))
      }
      guard isNamed == 1, unsafe portcullis_ssl_set_versions(context.pointer, minimum) == 1 else {
        throw .failed("SSL_CTX_set_session_id_context")
      }
      unsafe SSL_CTX_set_timeout(context.pointer, Int(TicketKeys.lifetime.components.seconds))
      contexts.append(context)
    }
    self.contexts = contexts
    try setCallbacks()
  }

  private func setCallbacks() throws(TLSFault) {
    // SAFETY: a session holds its TLSContext for as long as OpenSSL may call back.
    let this = unsafe Unmanaged.passUnretained(self).toOpaque()
    for (certificate, context) in zip(certificates, contexts) {
      guard unsafe SSL_CTX_set_ex_data(context.pointer, 0, this) == 1,
        unsafe SSL_CTX_set_tlsext_ticket_key_evp_cb(context.pointer, TLSCallbacks.ticketKey) == 1,
        unsafe SSL_CTX_set_session_ticket_cb(
          context.pointer, TLSCallbacks.ticketMade, TLSCallbacks.ticketOpened, this) == 1
      else { throw .failed("SSL_CTX_set_tlsext_ticket_key_evp_cb") }
      unsafe SSL_CTX_set_alpn_select_cb(context.pointer, TLSCallbacks.selectProtocol, nil)
      unsafe portcullis_ssl_on_server_name(context.pointer, TLSCallbacks.serverName, this)
      if certificate.staple != nil { unsafe portcullis_ssl_on_status(context.pointer, TLSCallbacks.status, this) }
    }
  }

  /// The context in which a connection begins; another is taken once the client has named a host.
  var first: SSLContext { contexts[0] }

  /// The context of the certificate for `host`: of one that names it, else of one whose wildcard covers it, else the
  /// first.
  func context(for host: Span<UInt8>) -> SSLContext {
    var covering: Int?
    for index in certificates.indices {
      switch certificates[index].names.match(host) {
      case .exact: return contexts[index]
      case .wildcard: if covering == nil { covering = index }
      case .none: break
      }
    }
    return contexts[covering ?? 0]
  }

  /// The certificate that a connection with this context shows.
  @unsafe
  func certificate(of context: OpaquePointer?) -> ServerCertificate {
    for index in contexts.indices where unsafe contexts[index].pointer == context { return certificates[index] }
    return certificates[0]
  }
}

extension TLSContext.Settings {
  /// What a session has to have been begun with to be resumed: 32 bytes.
  fileprivate func sessionIdentity() throws(TLSFault) -> [UInt8] {
    var bytes = Array(name.utf8)
    bytes.append(0)
    if let clients { bytes += [clients.areRequired ? 2 : 1] + clients.authorities.pem }
    var digest = [UInt8](repeating: 0, count: 32)
    let isDone = unsafe bytes.withUnsafeBufferPointer { bytes in
      unsafe digest.withUnsafeMutableBufferPointer { digest in
        unsafe EVP_Digest(bytes.baseAddress, bytes.count, digest.baseAddress, nil, EVP_sha256(), nil)
      }
    }
    guard isDone == 1 else { throw .failed("EVP_Digest") }
    return digest
  }
}
