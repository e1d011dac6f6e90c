internal import COpenSSL

/// The certificate authorities whose clients are believed.
public struct ClientAuthorities: Sendable, Equatable {
  let pem: [UInt8]

  /// - Parameter pem: Their certificates, at least one.
  public init(pem: [UInt8]) throws(TLSFault) {
    self.pem = pem
    try require(from: try SSLContext(.server), isRequired: false)
  }

  /// Has `context` ask its clients for a certificate of theirs.
  func require(from context: SSLContext, isRequired: Bool) throws(TLSFault) {
    let reader = try PEMReader(pem)
    guard let store = unsafe SSL_CTX_get_cert_store(context.pointer) else { throw .failed("SSL_CTX_get_cert_store") }
    var count = 0
    while let authority = try reader.certificate() {
      guard unsafe X509_STORE_add_cert(store, authority.pointer) == 1,
        unsafe SSL_CTX_add_client_CA(context.pointer, authority.pointer) == 1
      else { throw .failed("X509_STORE_add_cert") }
      count += 1
    }
    guard count > 0 else { throw .noCertificate }
    unsafe SSL_CTX_set_verify(
      context.pointer, SSL_VERIFY_PEER | (isRequired ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nil)
  }
}
