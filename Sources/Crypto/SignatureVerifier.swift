internal import COpenSSL

/// Checks signatures. One for each loop, or whoever else verifies: what OpenSSL prepares for a key is kept for the next
/// signature.
///
/// Not for two threads at once.
public final class SignatureVerifier {
  /// How long what OpenSSL prepares for a key is kept.
  public enum Preparation {
    /// For the next signatures: of keys that stay the same.
    case kept
    /// For this signature alone: of keys that a sender chooses, which would drive the others out.
    case once
  }

  private var prepared: [PreparedFor: PreparedKey] = [:]
  private let hasher: Hasher?

  /// No key is prepared yet.
  public init() {
    hasher = Hasher()
  }

  /// Whether `signature`, as a JWS carries it (RFC 7518 §3), is `key`'s over `message`.
  ///
  /// False too where the key does not fit the scheme.
  ///
  /// - Throws: If OpenSSL fails before it looks at the signature.
  public func isValid(
    _ signature: Span<UInt8>, over message: Span<UInt8>, _ scheme: SignatureScheme, key: PublicKey,
    preparation: Preparation = .kept
  ) throws(CryptoError) -> Bool {
    guard key.fits(scheme), signature.count == key.signatureBytes(scheme) else { return false }
    switch scheme {
    case .hmac(let hash):
      guard case .secret(let secret) = key.material else { return false }
      let code = try MessageAuthentication.code(for: message, secret: secret.span, hash)
      return ConstantTime.areEqual(code.span, signature)
    case .ed25519:
      return try prepare(key, scheme, preparation).holds(signature, over: message)
    case .rsaPKCS1(let hash), .rsaPSS(let hash):
      let digest = try digest(of: message, hash)
      return try prepare(key, scheme, preparation).holds(signature, overDigest: digest.span)
    case .ecdsa(let hash):
      let digest = try digest(of: message, hash)
      let encoded = EncodedSignature.encode(signature)
      return try prepare(key, scheme, preparation).holds(encoded.span, overDigest: digest.span)
    }
  }

  private func digest(of message: Span<UInt8>, _ hash: HashFunction) throws(CryptoError) -> [UInt8] {
    guard let hasher else { throw .failed("EVP_MD_fetch") }
    return try hasher.digest(of: message, hash)
  }

  /// How many keys are prepared for the next signature.
  var preparedKeys: Int { prepared.count }

  /// Forgets every key: they are prepared again when they are needed. For new key sets.
  public func forgetKeys() {
    prepared.removeAll(keepingCapacity: true)
  }

  private func prepare(
    _ key: PublicKey, _ scheme: SignatureScheme, _ preparation: Preparation
  ) throws(CryptoError) -> PreparedKey {
    if case .once = preparation { return try PreparedKey(key, scheme) }
    let purpose = PreparedFor(key: ObjectIdentifier(key), scheme: scheme)
    if let known = prepared[purpose] { return known }
    let made = try PreparedKey(key, scheme)
    // Key sets hold at most 100 keys; more are several configurations' worth of old ones.
    if prepared.count >= 1000 { forgetKeys() }
    prepared[purpose] = made
    return made
  }

  private struct PreparedFor: Hashable {
    let key: ObjectIdentifier
    let scheme: SignatureScheme
  }
}

/// A key and OpenSSL's context for one scheme.
@safe private final class PreparedKey {
  /// Held so that its ObjectIdentifier means it as long as this lives.
  private let key: PublicKey
  private let encoded: EncodedKey
  private let context: OpaquePointer
  private let oneShot: OpaquePointer

  /// OpenSSL has accepted the key before, and the key fits the scheme: an error here is not the key's fault.
  init(_ key: PublicKey, _ scheme: SignatureScheme) throws(CryptoError) {
    guard let encoded = EncodedKey(key.material) else { throw .failed("EVP_PKEY_fromdata") }
    guard let context = unsafe EVP_PKEY_CTX_new(encoded.pointer, nil) else { throw .failed("EVP_PKEY_CTX_new") }
    guard let oneShot = unsafe EVP_MD_CTX_new() else {
      unsafe EVP_PKEY_CTX_free(context)
      throw .failed("EVP_MD_CTX_new")
    }
    self.key = key
    self.encoded = encoded
    unsafe self.context = unsafe context
    unsafe self.oneShot = unsafe oneShot
    guard configure(scheme) else {
      ERR_clear_error()
      throw .failed("EVP_PKEY_verify_init")
    }
  }

  deinit {
    unsafe EVP_PKEY_CTX_free(context)
    unsafe EVP_MD_CTX_free(oneShot)
  }

  private func configure(_ scheme: SignatureScheme) -> Bool {
    switch scheme {
    case .ed25519, .hmac:
      return true
    case .ecdsa(let hash):
      return unsafe EVP_PKEY_verify_init(context) == 1 && EVP_PKEY_CTX_set_signature_md(context, hash.evp) == 1
    case .rsaPKCS1(let hash):
      return unsafe EVP_PKEY_verify_init(context) == 1
        && EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1
        && EVP_PKEY_CTX_set_signature_md(context, hash.evp) == 1
    case .rsaPSS(let hash):
      return unsafe EVP_PKEY_verify_init(context) == 1
        && EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1
        && EVP_PKEY_CTX_set_signature_md(context, hash.evp) == 1
        && EVP_PKEY_CTX_set_rsa_mgf1_md(context, hash.evp) == 1
        && EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1
    }
  }

  func holds(_ signature: Span<UInt8>, overDigest digest: Span<UInt8>) -> Bool {
    let result = unsafe signature.withUnsafeBufferPointer { signature in
      unsafe digest.withUnsafeBufferPointer { digest in
        unsafe EVP_PKEY_verify(context, signature.baseAddress, signature.count, digest.baseAddress, digest.count)
      }
    }
    return PreparedKey.isSuccess(result)
  }

  /// Ed25519 signs the message itself, not a digest of it.
  func holds(_ signature: Span<UInt8>, over message: Span<UInt8>) throws(CryptoError) -> Bool {
    guard unsafe EVP_DigestVerifyInit(oneShot, nil, nil, nil, encoded.pointer) == 1 else {
      ERR_clear_error()
      throw .failed("EVP_DigestVerifyInit")
    }
    let result = unsafe signature.withUnsafeBufferPointer { signature in
      unsafe message.withUnsafeBufferPointer { message in
        unsafe EVP_DigestVerify(
          oneShot, signature.baseAddress, signature.count, message.baseAddress, message.count)
      }
    }
    return PreparedKey.isSuccess(result)
  }

  /// A negative result is no failure of OpenSSL's that could be told from the signature's: an ECDSA signature that leads
  /// to the point at infinity (SEC 1 §4.1.4) has one too, and whoever chose the key can make such a signature.
  private static func isSuccess(_ result: Int32) -> Bool {
    if result != 1 { ERR_clear_error() }
    return result == 1
  }
}

/// Digests with one context and functions that are looked up once.
@safe private final class Hasher {
  private let context: OpaquePointer
  private let functions: [HashFunction: OpaquePointer]

  init?() {
    var functions = unsafe [HashFunction: OpaquePointer]()
    for (hash, name) in [(HashFunction.sha256, "SHA256"), (.sha384, "SHA384"), (.sha512, "SHA512")] {
      guard let function = unsafe EVP_MD_fetch(nil, name, nil) else { return nil }
      unsafe functions[hash] = unsafe function
    }
    guard let context = unsafe EVP_MD_CTX_new() else { return nil }
    unsafe self.functions = unsafe functions
    unsafe self.context = unsafe context
  }

  deinit {
    unsafe EVP_MD_CTX_free(context)
    for hash in HashFunction.allCases { unsafe EVP_MD_free(functions[hash]) }
  }

  func digest(of message: Span<UInt8>, _ hash: HashFunction) throws(CryptoError) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: hash.digestBytes)
    let isDone = unsafe message.withUnsafeBufferPointer { message in
      unsafe digest.withUnsafeMutableBufferPointer { digest in
        unsafe EVP_DigestInit_ex2(context, functions[hash], nil) == 1
          && EVP_DigestUpdate(context, message.baseAddress, message.count) == 1
          && EVP_DigestFinal_ex(context, digest.baseAddress, nil) == 1
      }
    }
    guard isDone else {
      ERR_clear_error()
      throw .failed("EVP_Digest")
    }
    return digest
  }
}
