/// Why key material is refused. The first faults of a key set that operators meet.
public enum PublicKeyError: Error, Sendable, Equatable {
  /// An RSA modulus outside 2048 to 8192 bits (SECURITY T-10).
  case modulusSize(bits: Int)
  /// An RSA modulus that is even, or an exponent that is even, below 3 or not below 2^33.
  case exponentInvalid
  /// Coordinates of the wrong length, or a point that is not on the curve.
  case pointInvalid
  /// A secret shorter than the shortest HMAC wants (RFC 7518 §3.2).
  case secretTooShort(bytes: Int)
  /// OpenSSL cannot use it.
  case unusable

  /// In words, for a log; never the key's bytes.
  public var description: String {
    switch self {
    case .modulusSize(let bits): "an RSA key of \(bits) bits; 2048 to 8192 are accepted"
    case .exponentInvalid: "an RSA key with a weak modulus or exponent"
    case .pointInvalid: "a point that is not on its curve"
    case .secretTooShort(let bytes): "a secret of \(bytes) bytes; at least 32 are needed"
    case .unusable: "a key that OpenSSL cannot use"
    }
  }
}

/// A key that verifies signatures: a public key, or a shared secret. Checked when it is made, immutable after.
public final class PublicKey: Sendable {
  /// What the key consists of; numbers are unsigned and big-endian.
  public enum Material: Sendable, Equatable {
    /// Both without leading zeros.
    case rsa(modulus: [UInt8], exponent: [UInt8])
    /// Coordinates of `EllipticCurve.coordinateBytes` bytes each.
    case ellipticCurve(EllipticCurve, x: [UInt8], y: [UInt8])
    /// The encoded point: 32 bytes (RFC 8032 §5.1.5).
    case ed25519([UInt8])
    /// The shared secret itself: at least 32 bytes.
    case secret([UInt8])
  }

  /// The key itself. Of a shared secret this is the secret: it is not to be written anywhere.
  public let material: Material
  /// The size that is told of such a key: modulus, curve or secret, in bits.
  public let bits: Int

  /// Whether both are one key, whoever read them. Secrets are compared in a time that says nothing of them.
  public func isSame(as other: PublicKey) -> Bool {
    switch (material, other.material) {
    case (.secret(let mine), .secret(let others)): ConstantTime.areEqual(mine.span, others.span)
    case (.rsa(let mine, let exponent), .rsa(let others, let otherExponent)):
      mine == others && exponent == otherExponent
    case (.ellipticCurve(let curve, let x, let y), .ellipticCurve(let otherCurve, let otherX, let otherY)):
      curve == otherCurve && x == otherX && y == otherY
    case (.ed25519(let mine), .ed25519(let others)): mine == others
    default: false
    }
  }

  /// An RSA key (RFC 7518 §6.3.1).
  public init(modulus: [UInt8], exponent: [UInt8]) throws(PublicKeyError) {
    let modulus = PublicKey.withoutLeadingZeros(modulus)
    let exponent = PublicKey.withoutLeadingZeros(exponent)
    bits = modulus.count * 8 - (modulus.first?.leadingZeroBitCount ?? 0)
    guard (2048...8192).contains(bits) else { throw .modulusSize(bits: bits) }
    guard exponent.count <= 5, modulus.last.map({ $0 & 1 }) == 1 else { throw .exponentInvalid }
    let value = exponent.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard value >= 3, value < 1 << 33, value & 1 == 1 else { throw .exponentInvalid }
    material = .rsa(modulus: modulus, exponent: exponent)
    // OpenSSL would go on to try whether the modulus is a prime, for a quarter of a second with 8192 bits. An issuer
    // that publishes such a key can as well publish one whose factors it gave away.
    guard EncodedKey(material) != nil else { throw .unusable }
  }

  /// A key on a curve (RFC 7518 §6.2.1): both coordinates in full length, the point on the curve.
  public init(curve: EllipticCurve, x: [UInt8], y: [UInt8]) throws(PublicKeyError) {
    guard x.count == curve.coordinateBytes, y.count == curve.coordinateBytes else { throw .pointInvalid }
    material = .ellipticCurve(curve, x: x, y: y)
    bits = curve == .p521 ? 521 : curve.coordinateBytes * 8
    guard EncodedKey(material)?.isSound() == true else { throw .pointInvalid }
  }

  /// An Ed25519 key (RFC 8037 §2).
  public init(ed25519 point: [UInt8]) throws(PublicKeyError) {
    guard point.count == 32 else { throw .pointInvalid }
    material = .ed25519(point)
    bits = 256
    guard EncodedKey(material)?.isSound() == true else { throw .pointInvalid }
  }

  /// A shared secret for HMAC: at least 32 bytes (RFC 7518 §3.2).
  public init(secret: [UInt8]) throws(PublicKeyError) {
    guard secret.count >= 32 else { throw .secretTooShort(bytes: secret.count) }
    material = .secret(secret)
    bits = secret.count * 8
  }

  /// Whether a signature of this scheme can be checked with this key: type, curve and size agree (RFC 8725 §3.1).
  public func fits(_ scheme: SignatureScheme) -> Bool {
    switch (material, scheme) {
    case (.rsa, .rsaPKCS1), (.rsa, .rsaPSS), (.ed25519, .ed25519): true
    case (.ellipticCurve(.p256, _, _), .ecdsa(.sha256)): true
    case (.ellipticCurve(.p384, _, _), .ecdsa(.sha384)): true
    case (.ellipticCurve(.p521, _, _), .ecdsa(.sha512)): true
    // RFC 7518 §3.2: a secret as long as the digest, at least.
    case (.secret(let secret), .hmac(let hash)): secret.count >= hash.digestBytes
    default: false
    }
  }

  /// How long a signature of this key is, in bytes.
  func signatureBytes(_ scheme: SignatureScheme) -> Int {
    switch (material, scheme) {
    case (.rsa(let modulus, _), _): modulus.count
    case (.ellipticCurve(let curve, _, _), _): 2 * curve.coordinateBytes
    case (.ed25519, _): 64
    case (.secret, .hmac(let hash)): hash.digestBytes
    case (.secret, _): 0
    }
  }

  private static func withoutLeadingZeros(_ number: [UInt8]) -> [UInt8] {
    Array(number.drop { $0 == 0 })
  }
}
