internal import COpenSSL

/// A certificate, the chain that leads to its issuer, and its key: read and checked.
public struct CertifiedKey: Sendable, Equatable {
  private let chainPEM: [UInt8]
  private let keyPEM: [UInt8]
  /// What its dates said when it was read.
  public let validity: Validity
  /// Its notBefore and notAfter, in seconds since 1970.
  public let dates: Range<Int64>

  /// What the dates of a certificate say of a moment.
  public enum Validity: Sendable, Equatable { case valid, expired, notYetValid }

  /// - Parameters:
  ///   - chainPEM: The certificate first, then those that lead to an authority that the peer trusts.
  ///   - keyPEM: Its private key, not encrypted.
  public init(chainPEM: [UInt8], keyPEM: [UInt8]) throws(TLSFault) {
    self.chainPEM = chainPEM
    self.keyPEM = keyPEM
    guard let certificate = try PEMReader(chainPEM).certificate() else { throw .noCertificate }
    validity = certificate.validity
    dates = certificate.dates
    // Whether it can be shown is known once a context has taken it.
    try show(from: try SSLContext(.client))
  }

  /// Has `context` show it. Each context gets a key of its own: what OpenSSL keeps beside an RSA key is behind a lock.
  func show(from context: SSLContext) throws(TLSFault) {
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

  func certificate() throws(TLSFault) -> X509Certificate {
    guard let certificate = try PEMReader(chainPEM).certificate() else { throw .noCertificate }
    return certificate
  }
}

extension X509Certificate {
  /// What its dates say now.
  var validity: CertifiedKey.Validity { unsafe X509Certificate.validity(of: pointer) }

  /// Its notBefore and notAfter, in seconds since 1970.
  var dates: Range<Int64> {
    let begin = unsafe portcullis_seconds(X509_get0_notBefore(pointer))
    return begin..<max(begin, unsafe portcullis_seconds(X509_get0_notAfter(pointer)))
  }

  @unsafe
  static func validity(of certificate: OpaquePointer) -> CertifiedKey.Validity {
    if unsafe X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0 { return .expired }
    return unsafe X509_cmp_current_time(X509_get0_notBefore(certificate)) < 0 ? .valid : .notYetValid
  }
}
