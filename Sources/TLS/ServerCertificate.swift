internal import COpenSSL

/// A certificate that a listener shows, with its key: read and checked.
public struct ServerCertificate: Sendable, Equatable {
  private let certifiedKey: CertifiedKey
  /// The OCSP response that is shown with it while that is current (RFC 6066 §8); nil: there is none.
  public let staple: OCSPStaple?
  /// The hosts that it is for.
  public let names: CertificateNames

  /// What its dates said when it was read.
  public var validity: CertifiedKey.Validity { certifiedKey.validity }
  /// Its notBefore and notAfter, in seconds since 1970.
  public var dates: Range<Int64> { certifiedKey.dates }

  /// - Parameters:
  ///   - chainPEM: The certificate first, then those that lead to an authority that clients trust.
  ///   - keyPEM: Its private key, not encrypted.
  ///   - staple: An OCSP response in DER.
  public init(chainPEM: [UInt8], keyPEM: [UInt8], staple: [UInt8]? = nil) throws(TLSFault) {
    certifiedKey = try CertifiedKey(chainPEM: chainPEM, keyPEM: keyPEM)
    let certificate = try certifiedKey.certificate()
    names = CertificateNames(of: certificate)
    guard !names.isEmpty else { throw .noNames }
    if let staple { self.staple = try OCSPStaple(staple, for: certificate) } else { self.staple = nil }
  }

  /// Has `context` show it.
  func serve(from context: SSLContext) throws(TLSFault) { try certifiedKey.show(from: context) }
}
