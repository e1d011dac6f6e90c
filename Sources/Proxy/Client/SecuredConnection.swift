import TLS
import Tokens

/// What a TLS handshake has shown of a client's connection.
final class SecuredConnection: Sendable {
  /// The hosts that the certificate is for that the client was shown.
  private let names: CertificateNames
  /// The SHA-256 digest of the client's certificate, which was verified; nil where it has shown none.
  let thumbprint: [UInt8]?
  /// What that certificate says; nil, too, where it cannot be read.
  let clientCertificate: CertificateNaming?

  init(names: CertificateNames, thumbprint: [UInt8]?, clientCertificate: CertificateNaming? = nil) {
    self.names = names
    self.thumbprint = thumbprint
    self.clientCertificate = clientCertificate
  }

  /// Whether the certificate is for `host` (SECURITY P-15).
  func covers(_ host: Span<UInt8>) -> Bool { names.cover(host) }
}

extension CertificateNaming {
  init(_ certificate: ClientCertificate) {
    self.init(
      issuer: certificate.issuer, serialNumber: certificate.serialNumber, notBefore: certificate.notBefore,
      notAfter: certificate.notAfter)
    uris = certificate.uris
    dnsNames = certificate.dnsNames
    emails = certificate.emails
    commonNames = certificate.commonNames
  }
}
