import Testing

@testable import Crypto

@Suite("Encodings of signatures and keys")
struct EncodingTests {
  struct Signature: Sendable, CustomTestStringConvertible {
    let what: String
    /// r and s side by side.
    let signature: [UInt8]
    let der: [UInt8]
    var testDescription: String { what }
  }

  static let signatures = [
    Signature(
      what: "plain numbers", signature: [0x12, 0x34, 0x56, 0x78], der: [48, 8, 2, 2, 0x12, 0x34, 2, 2, 0x56, 0x78]),
    Signature(what: "leading zeros go", signature: [0, 0x34, 0, 0x78], der: [48, 6, 2, 1, 0x34, 2, 1, 0x78]),
    Signature(
      what: "a sign bit gets a zero", signature: [0x80, 0, 0xFF, 0xFF],
      der: [48, 10, 2, 3, 0, 0x80, 0, 2, 3, 0, 0xFF, 0xFF]),
    Signature(
      what: "zeros go up to a sign bit", signature: [0, 0x80, 0, 0xFF], der: [48, 8, 2, 2, 0, 0x80, 2, 2, 0, 0xFF]),
    Signature(what: "zero stays one byte", signature: [0, 0, 0, 0], der: [48, 6, 2, 1, 0, 2, 1, 0]),
    // 2 * (2 + 66) = 136 bytes: the length takes two.
    Signature(
      what: "P-521 passes the short form", signature: [1] + zeros(65) + [1] + zeros(65),
      der: [48, 0x81, 136, 2, 66, 1] + zeros(65) + [2, 66, 1] + zeros(65)),
    Signature(
      what: "P-384 with both sign bits stays below it", signature: [0x80] + zeros(47) + [0x80] + zeros(47),
      der: [48, 102, 2, 49, 0, 0x80] + zeros(47) + [2, 49, 0, 0x80] + zeros(47)),
  ]

  @Test("RFC 7518 §3.4: r and s as DER", arguments: signatures)
  func der(row: Signature) {
    #expect(EncodedSignature.encode(row.signature.span) == row.der)
  }

  struct Material: Sendable, CustomTestStringConvertible {
    let what: String
    let material: PublicKey.Material
    let isAccepted: Bool
    var testDescription: String { what }
  }

  // RFC 8032 §7.1, test 1; RFC 7515 A.3.
  static let point: [UInt8] = [
    0xD7, 0x5A, 0x98, 0x01, 0x82, 0xB1, 0x0A, 0xB7, 0xD5, 0x4B, 0xFE, 0xD3, 0xC9, 0x64, 0x07, 0x3A, 0x0E, 0xE1, 0x72,
    0xF3, 0xDA, 0xA6, 0x23, 0x25, 0xAF, 0x02, 0x1A, 0x68, 0xF7, 0x07, 0x51, 0x1A,
  ]
  static let x: [UInt8] = [
    127, 205, 206, 39, 112, 246, 196, 93, 65, 131, 203, 238, 111, 219, 75, 123, 88, 7, 51, 53, 123, 233, 239, 19, 186,
    207, 110, 60, 123, 209, 84, 69,
  ]
  static let y: [UInt8] = [
    199, 241, 68, 205, 27, 189, 155, 126, 135, 44, 223, 237, 185, 238, 185, 244, 179, 105, 93, 110, 169, 11, 36, 173,
    138, 70, 35, 40, 133, 136, 229, 173,
  ]

  static let materials = [
    Material(what: "a point of P-256", material: .ellipticCurve(.p256, x: x, y: y), isAccepted: true),
    Material(what: "x and y changed over", material: .ellipticCurve(.p256, x: y, y: x), isAccepted: false),
    Material(what: "P-256's point as P-384's", material: .ellipticCurve(.p384, x: x, y: y), isAccepted: false),
    Material(what: "no coordinates", material: .ellipticCurve(.p256, x: [], y: []), isAccepted: false),
    // y + p is the same number modulo p; a coordinate is below p all the same (RFC 7518 §6.2.1.2).
    Material(
      what: "a coordinate that is not below p",
      material: .ellipticCurve(.p256, x: [UInt8](repeating: 0xFF, count: 32), y: y), isAccepted: false),
    Material(what: "an Ed25519 key", material: .ed25519(point), isAccepted: true),
    Material(what: "an Ed25519 key with a byte less", material: .ed25519(Array(point.dropLast())), isAccepted: false),
    Material(what: "an even modulus", material: .rsa(modulus: zeros(256), exponent: [3]), isAccepted: false),
    Material(what: "a secret", material: .secret(zeros(32)), isAccepted: false),
  ]

  @Test("K-6: what OpenSSL makes a key of", arguments: materials)
  func key(row: Material) {
    let isSound = EncodedKey(row.material)?.isSound() ?? false
    #expect(isSound == row.isAccepted)
  }

  @Test("K-2: the largest RSA key takes no time: the loop that reads it has others to serve")
  func largestModulus() throws {
    let modulus = [0xFF] + (0..<1022).map { UInt8(truncatingIfNeeded: $0 &* 151 &+ 7) } + [0x01]
    let start = ContinuousClock.now
    for _ in 0..<100 { #expect(try PublicKey(modulus: modulus, exponent: [1, 0, 1]).bits == 8192) }
    #expect(ContinuousClock.now - start < .seconds(1))
  }

  @Test("Numbers and texts of a parameter list live as long as it", arguments: EllipticCurve.allCases)
  func manyKeys(curve: EllipticCurve) throws {
    for _ in 0..<20 {
      let made = try SigningKey.generate(.ellipticCurve(curve)).publicKey
      let again = try #require(EncodedKey(made.material))
      #expect(withExtendedLifetime(again) { made.bits } == (curve == .p521 ? 521 : curve.coordinateBytes * 8))
    }
  }

  @Test("A signature's r and s keep their length where they begin with zeros", arguments: EllipticCurve.allCases)
  func paddedSignatures(curve: EllipticCurve) throws {
    let key = try SigningKey.generate(.ellipticCurve(curve))
    let scheme: SignatureScheme =
      switch curve {
      case .p256: .ecdsa(.sha256)
      case .p384: .ecdsa(.sha384)
      case .p521: .ecdsa(.sha512)
      }
    let verifier = SignatureVerifier()
    // One in 128 begins with eight zero bits; of P-521, nearly each.
    for number in 0..<300 {
      let message = Array("\(number)".utf8)
      let signature = try key.sign(message.span, scheme)
      #expect(signature.count == 2 * curve.coordinateBytes)
      let isValid = try verifier.isValid(signature.span, over: message.span, scheme, key: key.publicKey)
      #expect(isValid)
    }
  }
}

private func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }
