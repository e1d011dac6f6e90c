import COpenSSL

/// Makes certificates, as an authority does.
@safe
final class CertificateMaker {
  private(set) var pem: [UInt8] = []
  private(set) var keyPEM: [UInt8] = []
  fileprivate let certificate: OpaquePointer
  private let key: OpaquePointer

  /// - Parameters:
  ///   - names: As openssl.cnf writes subject alternative names; nil: an authority.
  ///   - seconds: From when to when it is valid, from now.
  init(
    _ names: String?, issuer: CertificateMaker? = nil, seconds: ClosedRange<Int> = -60...3600, rsaBits: Int? = nil
  ) throws {
    unsafe key = try Self.must(
      rsaBits.map { unsafe portcullis_generate_rsa($0) } ?? portcullis_generate_ec("P-256"))
    unsafe certificate = try Self.must(X509_new())
    unsafe X509_set_version(certificate, 2)
    var serial: Int64 = 0
    unsafe RAND_bytes(&serial, 7)
    unsafe ASN1_INTEGER_set_int64(X509_get_serialNumber(certificate), serial & .max)
    unsafe X509_gmtime_adj(X509_getm_notBefore(certificate), seconds.lowerBound)
    unsafe X509_gmtime_adj(X509_getm_notAfter(certificate), seconds.upperBound)
    unsafe X509_set_pubkey(certificate, key)
    let subject = unsafe X509_get_subject_name(certificate)
    let commonName = names == nil ? "an authority" : "a name that says nothing"
    unsafe X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, commonName, -1, -1, 0)
    let signer = unsafe issuer?.certificate ?? certificate
    unsafe X509_set_issuer_name(certificate, X509_get_subject_name(signer))
    if let names {
      if !names.isEmpty { try add(NID_subject_alt_name, names) }
    } else {
      try add(NID_basic_constraints, "critical,CA:TRUE")
    }
    guard unsafe X509_sign(certificate, issuer?.key ?? key, EVP_sha256()) > 0 else { throw MakingFailed() }
    let sink = unsafe try Self.must(BIO_new(BIO_s_mem()))
    defer { unsafe BIO_free(sink) }
    unsafe PEM_write_bio_X509(sink, certificate)
    pem = unsafe Self.contents(sink)
    unsafe PEM_write_bio_PrivateKey(sink, key, nil, nil, 0, nil, nil)
    keyPEM = unsafe Self.contents(sink)
  }

  deinit {
    unsafe X509_free(certificate)
    unsafe EVP_PKEY_free(key)
  }

  private func add(_ kind: Int32, _ value: String) throws {
    let made = unsafe try Self.must(X509V3_EXT_conf_nid(nil, nil, kind, value))
    unsafe X509_add_ext(certificate, made, -1)
    unsafe X509_EXTENSION_free(made)
  }

  /// Its SHA-256 digest.
  var thumbprint: [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    unsafe X509_digest(certificate, EVP_sha256(), &digest, nil)
    return digest
  }

  /// Has `context`, a client's, show it.
  @unsafe
  func show(from context: OpaquePointer) {
    unsafe SSL_CTX_use_certificate(context, certificate)
    unsafe SSL_CTX_use_PrivateKey(context, key)
  }

  /// Has `context`, a client's, believe what it has signed.
  @unsafe
  func trust(from context: OpaquePointer) {
    unsafe X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate)
  }

  @unsafe
  private static func contents(_ source: OpaquePointer) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 16_384)
    let count = unsafe BIO_read(source, &bytes, Int32(bytes.count))
    return Array(bytes[..<Int(max(count, 0))])
  }

  @unsafe
  private static func must(_ pointer: OpaquePointer?) throws -> OpaquePointer {
    guard let pointer = unsafe pointer else { throw MakingFailed() }
    return unsafe pointer
  }
}

struct MakingFailed: Error {}
