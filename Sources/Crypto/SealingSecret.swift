internal import COpenSSL

/// A secret with which texts are sealed: nobody else can read them, make others, or change one.
///
/// A sealed text is 16 random bytes, AES-256-GCM's ciphertext (NIST SP 800-38D) and its tag of 16 bytes. Key and nonce
/// come from the secret and the random bytes, so that each text has its own: there is no number of texts after which
/// nonces repeat.
public struct SealingSecret: Sendable {
  /// Bytes of a secret.
  public static let bytesCount = 32
  private static let saltBytes = 16
  private static let keyBytes = 32
  private static let nonceBytes = 12
  private static let tagBytes = 16

  private let secret: [UInt8]

  /// nil where it has not 32 bytes.
  public init?(_ bytes: [UInt8]) {
    guard bytes.count == SealingSecret.bytesCount else { return nil }
    secret = bytes
  }

  /// - Parameter purpose: What the text is; it can be opened as nothing else.
  public func seal(_ text: Span<UInt8>, as purpose: String) throws(CryptoError) -> [UInt8] {
    let salt = try RandomBytes.make(SealingSecret.saltBytes)
    let derived = try derive(salt)
    guard let context = unsafe EVP_CIPHER_CTX_new() else { throw SealingSecret.failure("EVP_CIPHER_CTX_new") }
    defer { unsafe EVP_CIPHER_CTX_free(context) }
    var sealed = [UInt8](repeating: 0, count: text.count)
    var tag = [UInt8](repeating: 0, count: SealingSecret.tagBytes)
    try unsafe SealingSecret.begin(context, derived, purpose, encrypts: 1)
    try unsafe SealingSecret.update(context, text, into: &sealed)
    var rest: Int32 = 0
    // SAFETY: GCM writes nothing at its end, and a tag of the size that is asked for.
    let isDone = unsafe tag.withUnsafeMutableBufferPointer { tag in
      unsafe EVP_CipherFinal_ex(context, tag.baseAddress, &rest) == 1
        && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, Int32(clamping: tag.count), tag.baseAddress) == 1
    }
    guard isDone else { throw SealingSecret.failure("EVP_CipherFinal_ex") }
    return salt + sealed + tag
  }

  /// The text; nil where it was not sealed with this secret, as this, or was changed.
  public func open(_ sealed: Span<UInt8>, as purpose: String) throws(CryptoError) -> [UInt8]? {
    let overhead = SealingSecret.saltBytes + SealingSecret.tagBytes
    guard sealed.count >= overhead else { return nil }
    let derived = try derive(SealingSecret.copy(sealed, 0..<SealingSecret.saltBytes))
    guard let context = unsafe EVP_CIPHER_CTX_new() else { throw SealingSecret.failure("EVP_CIPHER_CTX_new") }
    defer { unsafe EVP_CIPHER_CTX_free(context) }
    var text = [UInt8](repeating: 0, count: sealed.count - overhead)
    var tag = SealingSecret.copy(sealed, (sealed.count - SealingSecret.tagBytes)..<sealed.count)
    try unsafe SealingSecret.begin(context, derived, purpose, encrypts: 0)
    try unsafe SealingSecret.update(
      context, sealed.extracting(SealingSecret.saltBytes..<(sealed.count - SealingSecret.tagBytes)), into: &text)
    var rest: Int32 = 0
    var end: [UInt8] = [0]
    // SAFETY: OpenSSL copies the tag.
    let isTagSet = unsafe tag.withUnsafeMutableBufferPointer { tag in
      unsafe EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32(clamping: tag.count), tag.baseAddress) == 1
    }
    guard isTagSet else { throw SealingSecret.failure("EVP_CIPHER_CTX_ctrl") }
    // SAFETY: GCM writes nothing at its end.
    let isGenuine = unsafe end.withUnsafeMutableBufferPointer { end in
      unsafe EVP_CipherFinal_ex(context, end.baseAddress, &rest) == 1
    }
    guard isGenuine else {
      ERR_clear_error()
      return nil
    }
    return text
  }

  /// A key and a nonce (RFC 5869 §2.3 with one block: the secret is uniformly random).
  private func derive(_ salt: [UInt8]) throws(CryptoError) -> [UInt8] {
    let label = Array("portcullis sealed".utf8) + salt + [1]
    return try MessageAuthentication.code(for: label.span, secret: secret.span, .sha512)
  }

  @unsafe private static func begin(
    _ context: OpaquePointer, _ derived: [UInt8], _ purpose: String, encrypts: Int32
  ) throws(CryptoError) {
    let nonce = Array(derived[keyBytes..<(keyBytes + nonceBytes)])
    // SAFETY: OpenSSL reads 32 bytes of the key and 12 of the nonce, GCM's default, and copies them.
    let isReady = unsafe derived.withUnsafeBufferPointer { key in
      unsafe nonce.withUnsafeBufferPointer { nonce in
        unsafe EVP_CipherInit_ex(context, EVP_aes_256_gcm(), nil, key.baseAddress, nonce.baseAddress, encrypts)
      }
    }
    guard isReady == 1 else { throw failure("EVP_CipherInit_ex") }
    let purpose = Array(purpose.utf8)
    var count: Int32 = 0
    // SAFETY: without an output the bytes are authenticated alone.
    let isAdded = unsafe purpose.withUnsafeBufferPointer { purpose in
      unsafe EVP_CipherUpdate(context, nil, &count, purpose.baseAddress, Int32(clamping: purpose.count))
    }
    guard isAdded == 1 else { throw failure("EVP_CipherUpdate") }
  }

  /// - Parameter output: As many bytes as the input.
  @unsafe private static func update(
    _ context: OpaquePointer, _ input: Span<UInt8>, into output: inout [UInt8]
  ) throws(CryptoError) {
    guard !input.isEmpty else { return }
    var count: Int32 = 0
    // SAFETY: GCM is a stream: it writes as many bytes as it reads.
    let isDone = unsafe input.withUnsafeBufferPointer { input in
      unsafe output.withUnsafeMutableBufferPointer { output in
        unsafe EVP_CipherUpdate(
          context, output.baseAddress, &count, input.baseAddress, Int32(clamping: input.count))
      }
    }
    guard isDone == 1, Int(count) == output.count else { throw failure("EVP_CipherUpdate") }
  }

  private static func copy(_ bytes: Span<UInt8>, _ range: Range<Int>) -> [UInt8] {
    [UInt8](capacity: range.count) { output in
      for index in range { output.append(bytes[index]) }
    }
  }

  private static func failure(_ function: String) -> CryptoError {
    ERR_clear_error()
    return .failed(function)
  }
}
