import TLS

/// What a TLS handshake has shown of a client's connection.
final class SecuredConnection: Sendable {
  /// The hosts that the certificate is for that the client was shown.
  private let names: CertificateNames
  /// The SHA-256 digest of the client's certificate, which was verified; nil where it has shown none.
  let clientCertificate: [UInt8]?

  init(names: CertificateNames, clientCertificate: [UInt8]?) {
    self.names = names
    self.clientCertificate = clientCertificate
  }

  /// Whether the certificate is for `host` (SECURITY P-15).
  func covers(_ host: Span<UInt8>) -> Bool { names.cover(host) }
}
