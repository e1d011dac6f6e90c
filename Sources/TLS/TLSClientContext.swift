internal import COpenSSL

/// What is spoken to servers on one loop: whose certificates are believed, and what is shown to them.
///
/// It never changes, and OpenSSL's SSL_CTX may be used from anywhere; that each loop has one of its own keeps them from
/// waiting for each other. There is none that does not verify.
public final class TLSClientContext: @unchecked Sendable {
  /// What a context is made of.
  public struct Settings: Sendable, Equatable {
    /// Whose servers are believed.
    public var authorities: ServerAuthorities
    /// Shown to servers that ask for one; nil: they are shown none.
    public var certificate: CertifiedKey?

    /// - Parameter certificate: Shown to servers that ask for one; nil: they are shown none.
    public init(authorities: ServerAuthorities, certificate: CertifiedKey? = nil) {
      self.authorities = authorities
      self.certificate = certificate
    }
  }

  let context: SSLContext

  /// - Throws: If a certificate or its key cannot be used, or OpenSSL fails.
  public init(_ settings: Settings) throws(TLSFault) {
    context = try SSLContext(.client)
    try settings.authorities.verify(in: context)
    try settings.certificate?.show(from: context)
    let offered: [UInt8] = [8] + "http/1.1".utf8
    // 0 is success.
    guard unsafe SSL_CTX_set_alpn_protos(context.pointer, offered, UInt32(offered.count)) == 0 else {
      throw .failed("SSL_CTX_set_alpn_protos")
    }
  }
}
