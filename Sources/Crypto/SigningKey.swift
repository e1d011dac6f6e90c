internal import COpenSSL

/// Why a private key cannot be used.
public enum SigningKeyError: Error, Sendable, Equatable {
  /// No private key in PEM, or one that needs a password.
  case unreadable
  /// A key of a type or size that no algorithm here signs with.
  case unsupported
  /// An RSA key outside 2048 to 8192 bits (SECURITY T-10).
  case modulusSize(bits: Int)
  /// OpenSSL failed.
  case failed(String)
}

extension SigningKeyError: CustomStringConvertible {
  /// In words, for a log; nothing of the key is in it.
  public var description: String {
    switch self {
    case .unreadable: "no private key in PEM, or one that needs a password"
    case .unsupported: "a key whose type or size fits no signing algorithm here"
    case .modulusSize(let bits): PublicKeyError.modulusSize(bits: bits).description
    case .failed(let function): "OpenSSL: \(function) failed"
    }
  }
}

/// A key that signs: a private one, whose bytes leave it by `pem()` alone, or a shared secret.
@safe public final class SigningKey: @unchecked Sendable {
  /// What kind of key is made.
  public enum Kind: Sendable, Hashable {
    case rsa(bits: Int)
    case ellipticCurve(EllipticCurve)
    case ed25519
  }

  // OpenSSL's keys may be used by several threads as long as nobody changes them.
  /// nil for a secret.
  private let key: EncodedKey?
  /// By each scheme that the key fits; none for a secret.
  private let contexts: [SignatureScheme: SigningContext]
  /// What verifies: of a secret, the secret.
  public let publicKey: PublicKey

  /// Makes a new key.
  ///
  /// - Throws: `modulusSize` for RSA outside 2048 to 8192 bits, `failed` if OpenSSL fails.
  public static func generate(_ kind: Kind) throws(SigningKeyError) -> SigningKey {
    var pointer: OpaquePointer?
    switch kind {
    case .rsa(let bits): unsafe pointer = portcullis_generate_rsa(bits)
    case .ellipticCurve(let curve): unsafe pointer = portcullis_generate_ec(curve.groupName)
    case .ed25519: unsafe pointer = portcullis_generate_ed25519()
    }
    guard let pointer = unsafe pointer else { throw SigningKey.failure("EVP_PKEY_Q_keygen") }
    return try unsafe SigningKey(EncodedKey(owning: pointer))
  }

  /// Reads an unencrypted private key (PKCS #8, or OpenSSL's older forms).
  public convenience init(pem: [UInt8]) throws(SigningKeyError) {
    let pointer = unsafe pem.withUnsafeBufferPointer { pem -> OpaquePointer? in
      guard let source = unsafe BIO_new_mem_buf(pem.baseAddress, Int32(clamping: pem.count)) else { return nil }
      defer { unsafe BIO_free(source) }
      // Without a callback OpenSSL would ask for a password at the terminal.
      return unsafe PEM_read_bio_PrivateKey(source, nil, { _, _, _, _ in -1 }, nil)
    }
    guard let pointer = unsafe pointer else {
      ERR_clear_error()
      throw .unreadable
    }
    try unsafe self.init(EncodedKey(owning: pointer))
  }

  private init(_ key: EncodedKey) throws(SigningKeyError) {
    self.key = key
    let publicKey = try SigningKey.publicHalf(key)
    var contexts: [SignatureScheme: SigningContext] = [:]
    for scheme in SignatureScheme.ofKeyPairs where publicKey.fits(scheme) {
      contexts[scheme] = try SigningContext(key, scheme)
    }
    (self.publicKey, self.contexts) = (publicKey, contexts)
  }

  /// A shared secret for HMAC: at least 32 bytes (RFC 7518 §3.2).
  public init(secret: [UInt8]) throws(SigningKeyError) {
    key = nil
    contexts = [:]
    do throws(PublicKeyError) {
      publicKey = try PublicKey(secret: secret)
    } catch {
      throw .unsupported
    }
  }

  /// The private key as unencrypted PKCS #8 in PEM (RFC 5958, RFC 7468 §10).
  ///
  /// - Throws: `unsupported` for a secret.
  public func pem() throws(SigningKeyError) -> [UInt8] {
    guard let key else { throw .unsupported }
    guard let sink = unsafe BIO_new(BIO_s_secmem()) else { throw SigningKey.failure("BIO_new") }
    defer { unsafe BIO_free(sink) }
    guard unsafe PEM_write_bio_PKCS8PrivateKey(sink, key.pointer, nil, nil, 0, nil, nil) == 1 else {
      throw SigningKey.failure("PEM_write_bio_PKCS8PrivateKey")
    }
    var text = [UInt8](repeating: 0, count: 16_384)
    let count = unsafe text.withUnsafeMutableBufferPointer { text in
      unsafe BIO_read(sink, text.baseAddress, Int32(clamping: text.count))
    }
    guard count > 0 else { throw SigningKey.failure("BIO_read") }
    return Array(text[..<Int(count)])
  }

  /// A signature over `message`, as a JWS carries it (RFC 7518 §3).
  public func sign(_ message: Span<UInt8>, _ scheme: SignatureScheme) throws(SigningKeyError) -> [UInt8] {
    guard publicKey.fits(scheme) else { throw .unsupported }
    if case .secret(let secret) = publicKey.material, case .hmac(let hash) = scheme {
      do throws(CryptoError) {
        return try MessageAuthentication.code(for: message, secret: secret.span, hash)
      } catch {
        throw SigningKey.failure("HMAC")
      }
    }
    guard let context = contexts[scheme] else { throw .unsupported }
    let signature = try context.sign(message)
    guard case .ellipticCurve(let curve, _, _) = publicKey.material else { return signature }
    return try SigningKey.sideBySide(signature, curve)
  }

  private static func sideBySide(_ encoded: [UInt8], _ curve: EllipticCurve) throws(SigningKeyError) -> [UInt8] {
    let decoded = unsafe encoded.withUnsafeBufferPointer { encoded -> OpaquePointer? in
      var next = encoded.baseAddress
      return unsafe d2i_ECDSA_SIG(nil, &next, encoded.count)
    }
    guard let decoded = unsafe decoded else { throw failure("d2i_ECDSA_SIG") }
    defer { unsafe ECDSA_SIG_free(decoded) }
    return unsafe number(ECDSA_SIG_get0_r(decoded), bytes: curve.coordinateBytes)
      + number(ECDSA_SIG_get0_s(decoded), bytes: curve.coordinateBytes)
  }

  private static func publicHalf(_ key: EncodedKey) throws(SigningKeyError) -> PublicKey {
    do throws(PublicKeyError) {
      switch unsafe EVP_PKEY_get_base_id(key.pointer) {
      case EVP_PKEY_RSA:
        return try PublicKey(
          modulus: parameter(key, OSSL_PKEY_PARAM_RSA_N, bytes: 1024),
          exponent: parameter(key, OSSL_PKEY_PARAM_RSA_E, bytes: 8))
      case EVP_PKEY_EC:
        let curve = EllipticCurve.allCases.first { $0.groupName == groupName(key) }
        guard let curve else { throw .unusable }
        return try PublicKey(
          curve: curve, x: parameter(key, OSSL_PKEY_PARAM_EC_PUB_X, bytes: curve.coordinateBytes),
          y: parameter(key, OSSL_PKEY_PARAM_EC_PUB_Y, bytes: curve.coordinateBytes))
      case EVP_PKEY_ED25519:
        var point = [UInt8](repeating: 0, count: 32)
        var count = 32
        let isDone = unsafe point.withUnsafeMutableBufferPointer { point in
          unsafe EVP_PKEY_get_raw_public_key(key.pointer, point.baseAddress, &count)
        }
        guard isDone == 1 else { throw .unusable }
        return try PublicKey(ed25519: point)
      default:
        throw .unusable
      }
    } catch {
      ERR_clear_error()
      guard case .modulusSize = error else { throw .unsupported }
      throw .modulusSize(bits: Int(unsafe EVP_PKEY_get_bits(key.pointer)))
    }
  }

  private static func groupName(_ key: EncodedKey) -> String {
    var name = [UInt8](repeating: 0, count: 64)
    var count = 0
    let isDone = unsafe name.withUnsafeMutableBytes { name in
      unsafe EVP_PKEY_get_group_name(
        key.pointer, name.baseAddress?.assumingMemoryBound(to: CChar.self), name.count, &count)
    }
    return isDone == 1 ? String(decoding: name[..<count], as: UTF8.self) : ""
  }

  private static func parameter(_ key: EncodedKey, _ name: String, bytes: Int) -> [UInt8] {
    var value: OpaquePointer?
    guard unsafe EVP_PKEY_get_bn_param(key.pointer, name, &value) == 1 else { return [] }
    defer { unsafe BN_free(value) }
    return unsafe number(value, bytes: bytes)
  }

  /// A number with leading zeros up to `count` bytes; none where it needs more.
  private static func number(_ value: OpaquePointer?, bytes count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let written = unsafe bytes.withUnsafeMutableBufferPointer { bytes in
      unsafe BN_bn2binpad(value, bytes.baseAddress, Int32(clamping: bytes.count))
    }
    return written == count ? bytes : []
  }

  private static func failure(_ function: String) -> SigningKeyError {
    ERR_clear_error()
    return .failed(function)
  }
}
