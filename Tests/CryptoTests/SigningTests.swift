import Crypto
import Testing

@Suite("Signing and verifying")
struct SigningTests {
  static let kinds: [(SigningKey.Kind, SignatureScheme)] = [
    (.rsa(bits: 2048), .rsaPKCS1(.sha256)), (.rsa(bits: 2048), .rsaPKCS1(.sha384)),
    (.rsa(bits: 2048), .rsaPKCS1(.sha512)), (.rsa(bits: 2048), .rsaPSS(.sha256)),
    (.rsa(bits: 2048), .rsaPSS(.sha384)), (.rsa(bits: 2048), .rsaPSS(.sha512)),
    (.ellipticCurve(.p256), .ecdsa(.sha256)), (.ellipticCurve(.p384), .ecdsa(.sha384)),
    (.ellipticCurve(.p521), .ecdsa(.sha512)), (.ed25519, .ed25519),
  ]

  @Test("What is signed verifies, also after a way through PEM; nothing else does", arguments: kinds)
  func roundTrip(kind: SigningKey.Kind, scheme: SignatureScheme) throws {
    let key = try SigningKey(pem: try SigningKey.generate(kind).pem())
    let message = Array("the message".utf8)
    let signature = try key.sign(message.span, scheme)
    let verifier = SignatureVerifier()
    #expect(try verify(verifier, signature, message, scheme, key.publicKey))
    // The context is used again.
    #expect(try verify(verifier, signature, message, scheme, key.publicKey))
    #expect(try !verify(verifier, signature, Array("another".utf8), scheme, key.publicKey))
    #expect(try !verify(verifier, signature + [0], message, scheme, key.publicKey))
    #expect(try !verify(verifier, Array(signature.dropLast()), message, scheme, key.publicKey))
    #expect(try !verify(verifier, [], message, scheme, key.publicKey))
    for index in [0, signature.count / 2, signature.count - 1] {
      var changed = signature
      changed[index] ^= 1
      #expect(try !verify(verifier, changed, message, scheme, key.publicKey))
    }
    // After failures too.
    #expect(try verify(verifier, signature, message, scheme, key.publicKey))
    let other = try SigningKey.generate(kind)
    #expect(try !verify(verifier, signature, message, scheme, other.publicKey))
  }

  @Test("T-1: a key verifies the schemes of its type and size alone", arguments: kinds)
  func fits(kind: SigningKey.Kind, scheme: SignatureScheme) throws {
    let key = try SigningKey.generate(kind).publicKey
    for (otherKind, otherScheme) in SigningTests.kinds {
      #expect(key.fits(otherScheme) == (kind == otherKind))
    }
    #expect(!key.fits(.hmac(.sha256)))
  }

  @Test("T-2: secrets are as long as the digest at least", arguments: HashFunction.allCases)
  func secretLength(hash: HashFunction) throws {
    let secret = try PublicKey(secret: [UInt8](repeating: 7, count: hash.digestBytes))
    #expect(secret.fits(.hmac(hash)))
    #expect(!secret.fits(.rsaPKCS1(hash)))
    if hash != .sha256 {
      #expect(try !PublicKey(secret: [UInt8](repeating: 7, count: hash.digestBytes - 1)).fits(.hmac(hash)))
    }
    #expect(throws: PublicKeyError.secretTooShort(bytes: 31)) {
      try PublicKey(secret: [UInt8](repeating: 7, count: 31))
    }
  }

  @Test("A secret signs what it verifies, with nothing but HMAC, and has no PEM", arguments: HashFunction.allCases)
  func secretSigns(hash: HashFunction) throws {
    let key = try SigningKey(secret: [UInt8](repeating: 7, count: 64))
    let message = Array("the message".utf8)
    let signature = try key.sign(message.span, .hmac(hash))
    #expect(signature.count == hash.digestBytes)
    #expect(try verify(SignatureVerifier(), signature, message, .hmac(hash), key.publicKey))
    #expect(try !verify(SignatureVerifier(), signature, message + [0], .hmac(hash), key.publicKey))
    #expect(throws: SigningKeyError.unsupported) { try key.sign(message.span, .ecdsa(hash)) }
    #expect(throws: SigningKeyError.unsupported) { try key.pem() }
    #expect(throws: SigningKeyError.unsupported) {
      try SigningKey(secret: [UInt8](repeating: 7, count: hash.digestBytes - 1)).sign(message.span, .hmac(hash))
    }
  }

  @Test("T-10: RSA keys outside 2048 to 8192 bits, even moduli, odd exponents out of range")
  func weakRSA() throws {
    guard case .rsa(let modulus, let exponent) = try SigningKey.generate(.rsa(bits: 2048)).publicKey.material else {
      Issue.record("no RSA key")
      return
    }
    #expect(exponent == [1, 0, 1])
    #expect(throws: PublicKeyError.modulusSize(bits: 1024)) {
      try PublicKey(modulus: Array(modulus.prefix(128)), exponent: exponent)
    }
    #expect(throws: PublicKeyError.self) {
      try PublicKey(modulus: [0x80] + [UInt8](repeating: 1, count: 1024), exponent: exponent)
    }
    #expect(throws: PublicKeyError.exponentInvalid) {
      try PublicKey(modulus: modulus.dropLast() + [modulus[255] & 0xFE], exponent: exponent)
    }
    for bad: [UInt8] in [[], [0], [1], [2], [1, 0, 0], [2, 0, 0, 0, 1], [1, 0, 0, 0, 0, 1]] {
      #expect(throws: PublicKeyError.exponentInvalid) { try PublicKey(modulus: modulus, exponent: bad) }
    }
  }

  @Test("K-6: a point that is not on its curve, and coordinates of another length", arguments: EllipticCurve.allCases)
  func badPoint(curve: EllipticCurve) throws {
    guard case .ellipticCurve(_, let x, let y) = try SigningKey.generate(.ellipticCurve(curve)).publicKey.material
    else {
      Issue.record("no key of the curve")
      return
    }
    var wrong = y
    wrong[wrong.count - 1] ^= 1
    #expect(throws: PublicKeyError.pointInvalid) { try PublicKey(curve: curve, x: x, y: wrong) }
    #expect(throws: PublicKeyError.pointInvalid) { try PublicKey(curve: curve, x: x + [0], y: y) }
    #expect(throws: PublicKeyError.pointInvalid) { try PublicKey(curve: curve, x: Array(x.dropLast()), y: y) }
    let zeros = [UInt8](repeating: 0, count: curve.coordinateBytes)
    #expect(throws: PublicKeyError.pointInvalid) { try PublicKey(curve: curve, x: zeros, y: zeros) }
  }

  @Test("T-9: r and s of zero, and DER", arguments: EllipticCurve.allCases)
  func zeroSignature(curve: EllipticCurve) throws {
    let key = try SigningKey.generate(.ellipticCurve(curve)).publicKey
    let scheme: SignatureScheme =
      switch curve {
      case .p256: .ecdsa(.sha256)
      case .p384: .ecdsa(.sha384)
      case .p521: .ecdsa(.sha512)
      }
    let zeros = [UInt8](repeating: 0, count: 2 * curve.coordinateBytes)
    #expect(try !verify(SignatureVerifier(), zeros, [1], scheme, key))
    #expect(try !verify(SignatureVerifier(), [0x30, 6, 2, 1, 1, 2, 1, 1], [1], scheme, key))
  }

  @Test("T-9: no bytes that a sender chooses for a signature are a failure of OpenSSL's", arguments: kinds)
  func hostileSignatures(kind: SigningKey.Kind, scheme: SignatureScheme) throws {
    let signer = try SigningKey.generate(kind)
    let key = signer.publicKey
    let message = Array("the message".utf8)
    let count = try signer.sign(message.span, scheme).count
    let verifier = SignatureVerifier()
    let zeros = [UInt8](repeating: 0, count: count)
    let ones = [UInt8](repeating: 0xFF, count: count)
    var signatures = [zeros, ones, ones + ones, [0x30, 6, 2, 1, 1, 2, 1, 1], [0x30, 0x80]]
    // r and s, or R and S: in turn nothing, 1, and more than any order or modulus.
    let half = count / 2
    let one = [UInt8](repeating: 0, count: half - 1) + [1]
    let parts = [Array(zeros[..<half]), one, [1] + [UInt8](repeating: 0, count: half - 1), Array(ones[..<half])]
    for first in parts { for second in parts { signatures.append(first + second) } }
    for shorter in 0..<min(count, 8) { signatures.append(Array(ones[..<shorter])) }
    for signature in signatures { #expect(try !verify(verifier, signature, message, scheme, key), "\(signature)") }
  }

  @Test("T-9: keys of low order fail nothing, whatever is signed with them")
  func lowOrder() throws {
    // RFC 8032 §5.1.3: y of 1 is the neutral element, of 0 a point of order 4, of -1 one of order 2; the last is no point.
    let zero = [UInt8](repeating: 0, count: 32)
    let minusOne = [0xEC] + [UInt8](repeating: 0xFF, count: 30) + [0x7F]
    for point in [zero, [1] + zero.dropLast(), minusOne, [UInt8](repeating: 0xFF, count: 32)] {
      let key = try PublicKey(ed25519: point)
      for first in [zero, [1] + zero.dropLast(), minusOne] {
        #expect(throws: Never.self) { try verify(SignatureVerifier(), first + zero, [1], .ed25519, key) }
      }
    }
  }

  @Test("T-9: a signature that leads to the point at infinity does not hold, and is no failure of OpenSSL's")
  func pointAtInfinity() throws {
    // The key of the private number 1 is P-256's generator; with r = n - e and s = 1 the sum is n times it.
    let generator: [UInt8] = [
      0x6B, 0x17, 0xD1, 0xF2, 0xE1, 0x2C, 0x42, 0x47, 0xF8, 0xBC, 0xE6, 0xE5, 0x63, 0xA4, 0x40, 0xF2, 0x77, 0x03, 0x7D,
      0x81, 0x2D, 0xEB, 0x33, 0xA0, 0xF4, 0xA1, 0x39, 0x45, 0xD8, 0x98, 0xC2, 0x96, 0x4F, 0xE3, 0x42, 0xE2, 0xFE, 0x1A,
      0x7F, 0x9B, 0x8E, 0xE7, 0xEB, 0x4A, 0x7C, 0x0F, 0x9E, 0x16, 0x2B, 0xCE, 0x33, 0x57, 0x6B, 0x31, 0x5E, 0xCE, 0xCB,
      0xB6, 0x40, 0x68, 0x37, 0xBF, 0x51, 0xF5,
    ]
    let order: [UInt8] = [
      0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xBC, 0xE6, 0xFA,
      0xAD, 0xA7, 0x17, 0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51,
    ]
    let key = try PublicKey(curve: .p256, x: Array(generator[..<32]), y: Array(generator[32...]))
    let message = Array("the message".utf8)
    let digest = try HashFunction.sha256.digest(of: message.span)
    var signature = [UInt8](repeating: 0, count: 64)
    signature[63] = 1
    var borrow = 0
    for index in (0..<32).reversed() {
      let difference = Int(order[index]) - Int(digest[index]) - borrow
      signature[index] = UInt8(truncatingIfNeeded: difference)
      borrow = difference < 0 ? 1 : 0
    }
    try #require(borrow == 0)
    #expect(try !verify(SignatureVerifier(), signature, message, .ecdsa(.sha256), key))
  }

  @Test("A public key, garbage and an encrypted key are no private keys")
  func badPEM() {
    for text in ["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "x"] {
      #expect(throws: SigningKeyError.unreadable) { try SigningKey(pem: Array(text.utf8)) }
    }
  }

  private func verify(
    _ verifier: SignatureVerifier, _ signature: [UInt8], _ message: [UInt8], _ scheme: SignatureScheme,
    _ key: PublicKey
  ) throws(CryptoError) -> Bool {
    try verifier.isValid(signature.span, over: message.span, scheme, key: key)
  }
}
