internal import COpenSSL

/// A certificate of OpenSSL's.
@safe
struct X509Certificate: ~Copyable {
  let pointer: OpaquePointer

  /// - Parameter pointer: Owned from here on.
  @unsafe
  init(owning pointer: OpaquePointer) { unsafe self.pointer = pointer }

  deinit { unsafe X509_free(pointer) }
}

/// A private key of OpenSSL's.
@safe
struct PrivateKey: ~Copyable {
  let pointer: OpaquePointer

  /// - Parameter pointer: Owned from here on.
  @unsafe
  init(owning pointer: OpaquePointer) { unsafe self.pointer = pointer }

  deinit { unsafe EVP_PKEY_free(pointer) }
}

/// Reads the PEM blocks of a file one after the other (RFC 7468).
@safe
struct PEMReader: ~Copyable {
  private let source: OpaquePointer

  init(_ bytes: [UInt8]) throws(TLSFault) {
    guard let source = unsafe BIO_new(BIO_s_mem()) else { throw .failed("BIO_new") }
    // SAFETY: OpenSSL copies the bytes.
    let written = unsafe bytes.withUnsafeBytes { raw in
      unsafe raw.isEmpty ? 0 : BIO_write(source, raw.baseAddress, Int32(clamping: raw.count))
    }
    guard written == bytes.count else {
      unsafe BIO_free(source)
      throw .failed("BIO_write")
    }
    unsafe self.source = source
  }

  deinit { unsafe BIO_free(source) }

  /// The next certificate; nil behind the last.
  ///
  /// - Throws: `chainInvalid` where a block cannot be read.
  func certificate() throws(TLSFault) -> X509Certificate? {
    ERR_clear_error()
    defer { ERR_clear_error() }
    if let pointer = unsafe PEM_read_bio_X509(source, nil, nil, nil) {
      return unsafe X509Certificate(owning: pointer)
    }
    guard portcullis_is_pem_end(ERR_peek_last_error()) == 1 else { throw .chainInvalid }
    return nil
  }

  /// The private key; nil where there is none. One that is encrypted is none: nobody is there who could be asked for
  /// its password.
  func privateKey() -> PrivateKey? {
    ERR_clear_error()
    defer { ERR_clear_error() }
    guard let pointer = unsafe PEM_read_bio_PrivateKey(source, nil, { _, _, _, _ in -1 }, nil) else { return nil }
    return unsafe PrivateKey(owning: pointer)
  }
}
