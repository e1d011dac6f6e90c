internal import COpenSSL

/// An authority whose certificates nobody outside of this process believes, for who tries TLS out. Its key is thrown away
/// with it.
@safe
public struct ThrowawayAuthority: ~Copyable {
  /// A certificate and its key.
  public struct Issued: Sendable {
    /// The certificate alone, in PEM: the authority is its issuer.
    public let chainPEM: [UInt8]
    /// Its private key in PEM, not encrypted.
    public let keyPEM: [UInt8]
  }

  /// The authority's own certificate.
  public let pem: [UInt8]
  private let certificate: X509Certificate
  private let key: PrivateKey

  /// For how long it and its certificates are good, in seconds.
  private static let lifetime = 86_400
  /// As far back as clocks may differ.
  private static let backdated = 60

  /// Makes a key on P-256 and a certificate for it.
  public init() throws(TLSFault) {
    let key = try ThrowawayAuthority.makeKey()
    let certificate = try ThrowawayAuthority.make(
      key, commonName: "an authority", NID_basic_constraints, "critical,CA:TRUE")
    try ThrowawayAuthority.sign(certificate, by: certificate, key)
    pem = try ThrowawayAuthority.text(of: certificate)
    self.key = key
    self.certificate = certificate
  }

  /// A certificate of another key.
  ///
  /// - Parameters:
  ///   - commonName: ASCII, 64 characters at most.
  ///   - names: Subject alternative names as OpenSSL's configuration has them, `DNS:example.test`; without commas.
  public func issue(commonName: String, names: [String]) throws(TLSFault) -> Issued {
    let own = try ThrowawayAuthority.makeKey()
    let issued = try ThrowawayAuthority.make(
      own, commonName: commonName, NID_subject_alt_name, names.joined(separator: ","))
    try ThrowawayAuthority.sign(issued, by: certificate, key)
    return Issued(
      chainPEM: try ThrowawayAuthority.text(of: issued),
      keyPEM: unsafe try ThrowawayAuthority.text { (sink) in
        unsafe PEM_write_bio_PrivateKey(sink, own.pointer, nil, nil, 0, nil, nil)
      })
  }

  private static func text(of certificate: borrowing X509Certificate) throws(TLSFault) -> [UInt8] {
    let pointer = unsafe certificate.pointer
    return unsafe try text { (sink) in unsafe PEM_write_bio_X509(sink, pointer) }
  }

  private static func makeKey() throws(TLSFault) -> PrivateKey {
    guard let key = unsafe portcullis_generate_ec("P-256") else { throw .failed("EVP_PKEY_Q_keygen") }
    return unsafe PrivateKey(owning: key)
  }

  /// One that is not signed yet, with one extension.
  private static func make(
    _ key: borrowing PrivateKey, commonName: String, _ kind: Int32, _ value: String
  ) throws(TLSFault) -> X509Certificate {
    guard let pointer = unsafe X509_new() else { throw .failed("X509_new") }
    let made = unsafe X509Certificate(owning: pointer)
    var serial: Int64 = 0
    // SAFETY: seven of the eight bytes that are there are written.
    let isRandom = unsafe withUnsafeMutableBytes(of: &serial) { raw in
      unsafe RAND_bytes(raw.baseAddress?.assumingMemoryBound(to: UInt8.self), 7)
    }
    let subject = unsafe X509_get_subject_name(pointer)
    guard isRandom == 1, unsafe X509_set_version(pointer, 2) == 1,
      unsafe ASN1_INTEGER_set_int64(X509_get_serialNumber(pointer), serial & .max) == 1,
      unsafe X509_gmtime_adj(X509_getm_notBefore(pointer), -backdated) != nil,
      unsafe X509_gmtime_adj(X509_getm_notAfter(pointer), lifetime) != nil,
      unsafe X509_set_pubkey(pointer, key.pointer) == 1,
      unsafe X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, commonName, -1, -1, 0) == 1
    else { throw .failed("X509_set") }
    guard let added = unsafe X509V3_EXT_conf_nid(nil, nil, kind, value) else { throw .failed("X509V3_EXT_conf_nid") }
    defer { unsafe X509_EXTENSION_free(added) }
    guard unsafe X509_add_ext(pointer, added, -1) == 1 else { throw .failed("X509_add_ext") }
    return made
  }

  private static func sign(
    _ certificate: borrowing X509Certificate, by issuer: borrowing X509Certificate, _ key: borrowing PrivateKey
  ) throws(TLSFault) {
    guard unsafe X509_set_issuer_name(certificate.pointer, X509_get_subject_name(issuer.pointer)) == 1,
      unsafe X509_sign(certificate.pointer, key.pointer, EVP_sha256()) > 0
    else { throw .failed("X509_sign") }
  }

  /// What `write` writes; it says 1 where it could.
  @unsafe
  private static func text(_ write: (OpaquePointer) -> Int32) throws(TLSFault) -> [UInt8] {
    guard let sink = unsafe BIO_new(BIO_s_mem()) else { throw .failed("BIO_new") }
    defer { unsafe BIO_free(sink) }
    guard unsafe write(sink) == 1 else { throw .failed("PEM_write_bio") }
    var bytes = [UInt8](repeating: 0, count: unsafe BIO_ctrl_pending(sink))
    // SAFETY: OpenSSL is given the true size of the array.
    let count = unsafe bytes.withUnsafeMutableBytes { raw in
      unsafe BIO_read(sink, raw.baseAddress, Int32(clamping: raw.count))
    }
    guard count == bytes.count else { throw .failed("BIO_read") }
    return bytes
  }
}
