import Crypto
import Testing

@Suite("Hashes, message authentication, randomness, comparing")
struct HashTests {
  struct Digest: Sendable, CustomTestStringConvertible {
    let hash: HashFunction
    let message: String
    let digest: String
    var testDescription: String { "\(hash) of \"\(message)\"" }
  }

  // FIPS 180-4, the examples that NIST publishes with it.
  static let digests = [
    Digest(
      hash: .sha256, message: "", digest: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    Digest(
      hash: .sha256, message: "abc", digest: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    Digest(
      hash: .sha384, message: "abc",
      digest: "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"),
    Digest(
      hash: .sha512, message: "abc",
      digest: "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        + "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"),
  ]

  @Test("FIPS 180-4: digests", arguments: digests)
  func digest(row: Digest) throws {
    #expect(try hexadecimal(row.hash.digest(of: Array(row.message.utf8).span)) == row.digest)
    #expect(row.digest.count == 2 * row.hash.digestBytes)
  }

  struct Code: Sendable, CustomTestStringConvertible {
    let what: String
    let secret: [UInt8]
    let message: [UInt8]
    let code: String
    var testDescription: String { what }
  }

  // RFC 4231 §4.2, §4.3 and §4.7; HMAC-SHA-256.
  static let codes = [
    Code(
      what: "a secret of 20 bytes", secret: [UInt8](repeating: 0x0B, count: 20), message: Array("Hi There".utf8),
      code: "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    Code(
      what: "a secret shorter than the digest", secret: Array("Jefe".utf8),
      message: Array("what do ya want for nothing?".utf8),
      code: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
    Code(
      what: "a secret longer than a block", secret: [UInt8](repeating: 0xAA, count: 131),
      message: Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
      code: "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
  ]

  @Test("RFC 4231: HMAC", arguments: codes)
  func code(row: Code) throws {
    let code = try MessageAuthentication.code(for: row.message.span, secret: row.secret.span, .sha256)
    #expect(hexadecimal(code) == row.code)
  }

  @Test("Random bytes: as many as asked for, none twice", arguments: [0, 1, 16, 32, 4096])
  func random(count: Int) throws {
    let one = try RandomBytes.make(count)
    #expect(one.count == count)
    // 16 bytes or more are never the same by chance.
    if count >= 16 { #expect(try one != RandomBytes.make(count)) }
  }

  struct Pair: Sendable, CustomTestStringConvertible {
    let what: String
    let one: [UInt8]
    let other: [UInt8]
    let areEqual: Bool
    var testDescription: String { what }
  }

  static let pairs = [
    Pair(what: "both empty", one: [], other: [], areEqual: true),
    Pair(what: "one empty", one: [], other: [0], areEqual: false),
    Pair(what: "equal", one: [1, 2, 3], other: [1, 2, 3], areEqual: true),
    Pair(what: "the first byte", one: [0, 2, 3], other: [1, 2, 3], areEqual: false),
    Pair(what: "the last byte", one: [1, 2, 3], other: [1, 2, 0x83], areEqual: false),
    Pair(what: "a prefix", one: [1, 2], other: [1, 2, 3], areEqual: false),
    Pair(what: "zeros of other lengths", one: [0, 0], other: [0, 0, 0], areEqual: false),
  ]

  @Test("L-3: comparing secrets", arguments: pairs)
  func compare(row: Pair) {
    let results = [
      ConstantTime.areEqual(row.one.span, row.other.span), ConstantTime.areEqual(row.other.span, row.one.span),
    ]
    #expect(results == [row.areEqual, row.areEqual])
  }
}

func hexadecimal(_ bytes: [UInt8]) -> String {
  bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
