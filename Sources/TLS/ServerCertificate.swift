internal import COpenSSL

/// A certificate, the chain that leads to its issuer, and its key: read and checked.
public struct ServerCertificate: Sendable, Equatable {
  private let chainPEM: [UInt8]
  private let keyPEM: [UInt8]
  /// An OCSP response in DER that is stapled to it (RFC 6066 §8).
  let staple: [UInt8]?
  /// The hosts that it is for.
  public let names: CertificateNames
  /// What its dates said when it was read.
  public let validity: Validity

  public enum Validity: Sendable, Equatable { case valid, expired, notYetValid }

  /// - Parameters:
  ///   - chainPEM: The certificate first, then those that lead to an authority that clients trust.
  ///   - keyPEM: Its private key, not encrypted.
  ///   - staple: An OCSP response in DER.
  public init(chainPEM: [UInt8], keyPEM: [UInt8], staple: [UInt8]? = nil) throws(TLSFault) {
    self.chainPEM = chainPEM
    self.keyPEM = keyPEM
    self.staple = staple
    guard let certificate = try PEMReader(chainPEM).certificate() else { throw .noCertificate }
    names = CertificateNames(of: certificate)
    validity = certificate.validity
    guard !names.isEmpty else { throw .noNames }
    if let staple { try ServerCertificate.check(staple) }
    // Whether it can be served is known once a context has taken it.
    try serve(from: try SSLContext())
  }

  /// Has `context` show it. Each context gets a key of its own: what OpenSSL keeps beside an RSA key is behind a lock.
  func serve(from context: SSLContext) throws(TLSFault) {
    let reader = try PEMReader(chainPEM)
    guard let certificate = try reader.certificate() else { throw .noCertificate }
    guard let key = try PEMReader(keyPEM).privateKey() else { throw .noKey }
    ERR_clear_error()
    defer { ERR_clear_error() }
    guard unsafe X509_check_private_key(certificate.pointer, key.pointer) == 1 else { throw .keyMismatch }
    guard unsafe SSL_CTX_use_certificate(context.pointer, certificate.pointer) == 1,
      unsafe SSL_CTX_use_PrivateKey(context.pointer, key.pointer) == 1
    else { throw .tooWeak }
    while let next = try reader.certificate() {
      guard unsafe portcullis_ssl_add_chain(context.pointer, next.pointer) == 1 else { throw .tooWeak }
    }
  }

  private static func check(_ staple: [UInt8]) throws(TLSFault) {
    defer { ERR_clear_error() }
    let response = unsafe staple.withUnsafeBufferPointer { bytes -> OpaquePointer? in
      var next = bytes.baseAddress
      return unsafe d2i_OCSP_RESPONSE(nil, &next, bytes.count)
    }
    guard let response = unsafe response else { throw .stapleInvalid }
    defer { unsafe OCSP_RESPONSE_free(response) }
    guard unsafe OCSP_response_status(response) == OCSP_RESPONSE_STATUS_SUCCESSFUL else { throw .stapleInvalid }
  }
}

extension X509Certificate {
  /// What its dates say now.
  var validity: ServerCertificate.Validity { unsafe X509Certificate.validity(of: pointer) }

  @unsafe
  static func validity(of certificate: OpaquePointer) -> ServerCertificate.Validity {
    if unsafe X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0 { return .expired }
    return unsafe X509_cmp_current_time(X509_get0_notBefore(certificate)) < 0 ? .valid : .notYetValid
  }
}
