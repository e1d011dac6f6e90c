internal import COpenSSL

/// What stands in a certificate that a client has shown, and that was verified.
@safe
public struct ClientCertificate: Sendable, Equatable {
  /// Its subject alternative names of the type URI (RFC 5280 §4.2.1.6), in their order.
  public private(set) var uris: [String] = []
  /// Its subject alternative names of the type dNSName, in their order.
  public private(set) var dnsNames: [String] = []
  /// Its subject alternative names of the type rfc822Name, in their order.
  public private(set) var emails: [String] = []
  /// The common names of its subject; not verified to be of any form.
  public private(set) var commonNames: [String] = []
  /// Who issued it, as RFC 4514 writes it.
  public let issuer: String
  /// In lower-case hexadecimal, without leading zeros.
  public let serialNumber: String
  /// From when it is valid, in seconds since 1970 (RFC 5280 §4.1.2.5).
  public let notBefore: Int64
  /// Until when it is valid, in seconds since 1970.
  public let notAfter: Int64

  /// nil where OpenSSL cannot read it, or a name of it holds what no name does: a control character (a NUL, in older
  /// attacks), or bytes that are no UTF-8.
  @unsafe
  init?(_ certificate: OpaquePointer) {
    ERR_clear_error()
    defer { ERR_clear_error() }
    guard let issuer = unsafe ClientCertificate.text(of: X509_get_issuer_name(certificate)),
      let serialNumber = unsafe ClientCertificate.hexadecimal(X509_get0_serialNumber(certificate))
    else { return nil }
    self.issuer = issuer
    self.serialNumber = serialNumber
    notBefore = unsafe portcullis_seconds(X509_get0_notBefore(certificate))
    notAfter = unsafe portcullis_seconds(X509_get0_notAfter(certificate))
    guard unsafe readAlternativeNames(certificate), unsafe readCommonNames(certificate) else { return nil }
  }

  /// False where one is none.
  @unsafe
  private mutating func readAlternativeNames(_ certificate: OpaquePointer) -> Bool {
    guard let value = unsafe X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil) else { return true }
    let names = OpaquePointer(value)
    defer { unsafe portcullis_names_free(names) }
    for index in 0..<(unsafe portcullis_name_count(names)) {
      var start: UnsafePointer<UInt8>?
      var count: Int32 = 0
      let kind = unsafe portcullis_name_at(names, index, &start, &count)
      guard kind == GEN_URI || kind == GEN_DNS || kind == GEN_EMAIL else { continue }
      guard let name = unsafe ClientCertificate.name(start, count) else { return false }
      switch kind {
      case GEN_URI: uris.append(name)
      case GEN_DNS: dnsNames.append(name)
      default: emails.append(name)
      }
    }
    return true
  }

  /// False where one is none.
  @unsafe
  private mutating func readCommonNames(_ certificate: OpaquePointer) -> Bool {
    let subject = unsafe X509_get_subject_name(certificate)
    var place = unsafe X509_NAME_get_index_by_NID(subject, NID_commonName, -1)
    while place >= 0 {
      var bytes: UnsafeMutablePointer<UInt8>?
      let count = unsafe ASN1_STRING_to_UTF8(&bytes, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, place)))
      defer { unsafe CRYPTO_free(bytes, nil, 0) }
      guard let name = unsafe ClientCertificate.name(bytes, count) else { return false }
      commonNames.append(name)
      place = unsafe X509_NAME_get_index_by_NID(subject, NID_commonName, place)
    }
    return true
  }

  @unsafe
  private static func name(_ start: UnsafePointer<UInt8>?, _ count: Int32) -> String? {
    guard let start = unsafe start, count > 0 else { return nil }
    // SAFETY: OpenSSL says how many bytes stand there; they are copied.
    let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: Int(count)))
    guard !bytes.contains(where: { $0 < 0x20 || $0 == 0x7F }) else { return nil }
    return String(validating: bytes, as: UTF8.self)
  }

  @unsafe
  private static func text(of name: OpaquePointer?) -> String? {
    guard let output = unsafe BIO_new(BIO_s_mem()) else { return nil }
    defer { unsafe BIO_free(output) }
    guard unsafe portcullis_write_name(output, name) >= 0 else { return nil }
    var bytes = unsafe [UInt8](repeating: 0, count: Int(clamping: BIO_ctrl_pending(output)))
    let count = unsafe bytes.withUnsafeMutableBytes { raw in
      unsafe BIO_read(output, raw.baseAddress, Int32(clamping: raw.count))
    }
    return String(decoding: bytes.prefix(max(0, Int(count))), as: UTF8.self)
  }

  @unsafe
  private static func hexadecimal(_ number: UnsafePointer<ASN1_INTEGER>?) -> String? {
    guard let value = unsafe ASN1_INTEGER_to_BN(number, nil) else { return nil }
    defer { unsafe BN_free(value) }
    guard let text = unsafe BN_bn2hex(value) else { return nil }
    defer { unsafe CRYPTO_free(text, nil, 0) }
    let digits = unsafe String(cString: text).lowercased().drop { $0 == "0" }
    return digits.isEmpty ? "0" : String(digits)
  }
}
