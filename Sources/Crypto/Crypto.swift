/// Module `Crypto`: OpenSSL's EVP and libxcrypt made safe: keys, signatures, hashes, passwords, randomness.
/// May import: COpenSSL, CCrypt.
/// Never does: I/O, or anything with the bytes of a private key but what was asked for.

internal import COpenSSL

/// OpenSSL failed where nothing but the machine can be the cause.
public enum CryptoError: Error, Sendable, Hashable {
  /// The OpenSSL function that failed.
  case failed(String)
}

extension CryptoError: CustomStringConvertible {
  /// Names the OpenSSL function that failed; no data is in it.
  public var description: String {
    switch self {
    case .failed(let function): "OpenSSL: \(function) failed"
    }
  }
}

/// How a signature is made and checked.
public enum SignatureScheme: Sendable, Hashable {
  /// RSASSA-PKCS1-v1_5 (RFC 8017 §8.2).
  case rsaPKCS1(HashFunction)
  /// RSASSA-PSS with MGF1 over the same hash and a salt of its length (RFC 8017 §8.1, RFC 7518 §3.5).
  case rsaPSS(HashFunction)
  /// ECDSA, r and s side by side (RFC 7518 §3.4).
  case ecdsa(HashFunction)
  /// Ed25519 (RFC 8032 §5.1).
  case ed25519
  /// HMAC (RFC 2104).
  case hmac(HashFunction)

  /// All in which one key signs and another verifies.
  static let ofKeyPairs: [SignatureScheme] =
    HashFunction.allCases.flatMap { [.rsaPKCS1($0), .rsaPSS($0), .ecdsa($0)] } + [.ed25519]
}

/// An elliptic curve of the JWS algorithms (RFC 7518 §6.2.1.1).
public enum EllipticCurve: Sendable, Hashable, CaseIterable {
  case p256, p384, p521

  /// Bytes of a coordinate, and of r and s in a signature.
  public var coordinateBytes: Int {
    switch self {
    case .p256: 32
    case .p384: 48
    case .p521: 66
    }
  }

  /// OpenSSL's name of it.
  var groupName: String {
    switch self {
    case .p256: "prime256v1"
    case .p384: "secp384r1"
    case .p521: "secp521r1"
    }
  }
}

/// Comparing secrets.
public enum ConstantTime {
  /// Whether both are the same, in a time that depends on nothing but their lengths (CRYPTO_memcmp).
  public static func areEqual(_ a: Span<UInt8>, _ b: Span<UInt8>) -> Bool {
    guard a.count == b.count else { return false }
    guard a.count > 0 else { return true }
    return unsafe a.withUnsafeBufferPointer { a in
      unsafe b.withUnsafeBufferPointer { b in
        unsafe CRYPTO_memcmp(a.baseAddress, b.baseAddress, a.count) == 0
      }
    }
  }
}

/// Bytes that nobody can guess.
public enum RandomBytes {
  /// `count` bytes of OpenSSL's generator, seeded by the operating system.
  public static func make(_ count: Int) throws(CryptoError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let isDone = unsafe bytes.withUnsafeMutableBufferPointer { bytes in
      unsafe RAND_bytes(bytes.baseAddress, Int32(clamping: bytes.count))
    }
    guard isDone == 1 else { throw .failed("RAND_bytes") }
    return bytes
  }
}

/// Message authentication with a shared secret (RFC 2104).
public enum MessageAuthentication {
  /// The HMAC of `message`.
  public static func code(
    for message: Span<UInt8>, secret: Span<UInt8>, _ hash: HashFunction
  ) throws(CryptoError) -> [UInt8] {
    var code = [UInt8](repeating: 0, count: hash.digestBytes)
    var count: UInt32 = 0
    let isDone = unsafe message.withUnsafeBufferPointer { message in
      unsafe secret.withUnsafeBufferPointer { secret in
        unsafe code.withUnsafeMutableBufferPointer { code in
          unsafe HMAC(
            hash.evp, secret.baseAddress, Int32(clamping: secret.count), message.baseAddress, message.count,
            code.baseAddress, &count) != nil
        }
      }
    }
    guard isDone, Int(count) == hash.digestBytes else { throw .failed("HMAC") }
    return code
  }
}
