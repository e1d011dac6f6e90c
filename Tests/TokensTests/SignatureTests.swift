import Crypto
import Testing

@testable import Tokens

@Suite("Shape, keys and signatures")
struct SignatureTests {
  @Test("A good token of each algorithm is accepted, and says who it is", arguments: SignatureAlgorithm.allCases)
  func accepted(algorithm: SignatureAlgorithm) throws {
    let issuer = try Issuer.shared.get()
    let keys = algorithm.isSymmetric ? issuer.secretKeySet : issuer.keySet
    let verified = try Check(leewaySeconds: 30)(issuer.token(algorithm), keys).get()
    #expect(verified.provider == "idp")
    #expect(verified.issuer == Issuer.name)
    #expect(verified.subject == "alice")
    #expect(verified.keyID == algorithm.keyID)
    #expect(verified.algorithm == algorithm)
    #expect(verified.expiresAt == 1_750_000_600)
    #expect(verified.deadline == 1_750_000_630)
  }

  @Test("T-1: algorithms that the policy does not list", arguments: SignatureAlgorithm.allCases)
  func policy(algorithm: SignatureAlgorithm) throws {
    let issuer = try Issuer.shared.get()
    let keys = algorithm.isSymmetric ? issuer.secretKeySet : issuer.keySet
    let others = SignatureAlgorithm.allCases.filter { $0 != algorithm }
    let token = try issuer.token(algorithm)
    #expect(Check(algorithms: others).fault(token, keys) == .algorithmRefused(allowed: others))
    #expect(Check(algorithms: [algorithm]).fault(token, keys) == nil)
  }

  @Test(
    "T-1, T-2: a secret verifies HS* alone, and public keys never do",
    arguments: SignatureAlgorithm.allCases)
  func kinds(algorithm: SignatureAlgorithm) throws {
    let issuer = try Issuer.shared.get()
    let keys = algorithm.isSymmetric ? issuer.keySet : issuer.secretKeySet
    #expect(Check().fault(try issuer.token(algorithm), keys) == .algorithmRefused(allowed: []))
  }

  @Test("T-2: an HMAC over the public key's PEM, DER or numbers", arguments: ["rs256", "es256", "eddsa"])
  func publicKeyAsSecret(keyID: String) throws {
    let issuer = try Issuer.shared.get()
    let key = try #require(issuer.publicKey(SignatureAlgorithm(rawValue: keyID.uppercased()) ?? .eddsa))
    let number: [UInt8] =
      switch key.material {
      case .rsa(let modulus, _): modulus
      case .ellipticCurve(_, let x, _): x
      case .ed25519(let point), .secret(let point): point
      }
    let header = #"{"alg":"HS256","kid":"\#(keyID)"}"#
    let signed = Base64URL.text(Array(header.utf8)) + "." + Base64URL.text(Array(Issuer.claims.utf8))
    let code = try MessageAuthentication.code(for: Array(signed.utf8).span, secret: number.span, .sha256)
    let token = Array((signed + "." + Base64URL.text(code)).utf8)
    #expect(Check().fault(token, issuer.keySet) == .algorithmRefused(allowed: []))
  }

  struct Shape: Sendable, CustomTestStringConvertible {
    let rule: String
    let change: @Sendable (_ parts: [String]) -> String
    let fault: TokenError.Fault
    var testDescription: String { rule }
  }

  static let shapes = [
    Shape(rule: "T-3 nothing", change: { _ in "" }, fault: .malformed),
    Shape(rule: "T-3 dots alone", change: { _ in ".." }, fault: .malformed),
    Shape(rule: "T-3 one part", change: { $0[0] }, fault: .malformed),
    Shape(rule: "T-3 two parts", change: { $0[0] + "." + $0[1] }, fault: .malformed),
    Shape(rule: "T-3 four parts", change: { $0.joined(separator: ".") + "." }, fault: .malformed),
    Shape(rule: "T-3 five parts", change: { $0.joined(separator: ".") + ".." }, fault: .encrypted),
    Shape(rule: "T-3 six parts", change: { $0.joined(separator: ".") + "..." }, fault: .malformed),
    Shape(
      rule: "T-3 JSON serialization",
      change: { #"{"protected":"\#($0[0])","payload":"\#($0[1])","signature":"\#($0[2])"}"# }, fault: .encrypted),
    Shape(rule: "T-3 no header", change: { ".\($0[1]).\($0[2])" }, fault: .malformed),
    Shape(
      rule: "T-3 a JWE that asks for work",
      change: { _ in Base64URL.text(Array(#"{"alg":"PBES2-HS256+A128KW","p2c":1000000000}"#.utf8)) + ".AA.AA.AA.AA" },
      fault: .encrypted),
    Shape(rule: "T-4 padding", change: { $0.joined(separator: ".") + "=" }, fault: .malformed),
    Shape(rule: "T-4 a space before", change: { " " + $0.joined(separator: ".") }, fault: .malformed),
    Shape(rule: "T-4 a line end after", change: { $0.joined(separator: ".") + "\n" }, fault: .malformed),
    Shape(rule: "T-4 a space in the payload", change: { "\($0[0]).\($0[1]) .\($0[2])" }, fault: .malformed),
    Shape(
      // The signature of 64 bytes ends in a letter with four unused bits.
      rule: "T-4 unused bits in the signature", change: { "\($0[0]).\($0[1]).\($0[2].dropLast())\(next($0[2]))" },
      fault: .malformed),
    Shape(rule: "no payload", change: { "\($0[0])..\($0[2])" }, fault: .signatureInvalid),
    Shape(rule: "no signature", change: { "\($0[0]).\($0[1])." }, fault: .signatureInvalid),
  ]

  @Test("T-3, T-4: a token's shape", arguments: shapes)
  func shape(row: Shape) throws {
    let issuer = try Issuer.shared.get()
    let parts = String(decoding: try issuer.token(), as: UTF8.self).split(separator: ".").map(String.init)
    #expect(Check().fault(Array(row.change(parts).utf8), issuer.keySet) == row.fault)
  }

  @Test("T-3: as long as allowed, and a byte longer")
  func size() throws {
    let issuer = try Issuer.shared.get()
    let token = try issuer.token()
    #expect(Check(tokenBytesMax: token.count).fault(token, issuer.keySet) == nil)
    let fault = Check(tokenBytesMax: token.count - 1).fault(token, issuer.keySet)
    #expect(fault == .tooLarge(bytesMax: token.count - 1))
    let dots = [UInt8](repeating: UInt8(ascii: "."), count: 65_536)
    #expect(Check().fault(dots, issuer.keySet) == .tooLarge(bytesMax: 8192))
  }

  struct Forgery: Sendable, CustomTestStringConvertible {
    let rule: String
    let algorithm: SignatureAlgorithm
    let forge: @Sendable (_ signature: [UInt8]) -> [UInt8]
    var testDescription: String { "\(rule), \(algorithm.rawValue)" }
  }

  private static func ecdsa(_ algorithm: SignatureAlgorithm, half: Int) -> [Forgery] {
    let zeros = [UInt8](repeating: 0, count: half)
    return [
      Forgery(rule: "T-9 zeros", algorithm: algorithm) { _ in zeros + zeros },
      Forgery(rule: "T-9 r is zero", algorithm: algorithm) { zeros + Array($0[half...]) },
      Forgery(rule: "T-9 s is zero", algorithm: algorithm) { Array($0[..<half]) + zeros },
      Forgery(rule: "T-9 past the order", algorithm: algorithm) { [UInt8](repeating: 0xFF, count: $0.count) },
      Forgery(rule: "T-9 r and s changed over", algorithm: algorithm) { Array($0[half...] + $0[..<half]) },
      Forgery(rule: "T-9 a zero before each", algorithm: algorithm) { signature in
        [0] + Array(signature[..<half]) + [0] + Array(signature[half...])
      },
      Forgery(rule: "T-9 a byte less", algorithm: algorithm) { Array($0.dropLast()) },
    ]
  }

  private static let others = [
    Forgery(rule: "T-10 shorter than the modulus", algorithm: .rs256) { Array($0.dropFirst()) },
    Forgery(rule: "T-10 a zero before it", algorithm: .rs256) { [0] + $0 },
    Forgery(rule: "T-10 a zero after it", algorithm: .ps256) { $0 + [0] },
    Forgery(rule: "T-10 zeros", algorithm: .rs256) { [UInt8](repeating: 0, count: $0.count) },
    Forgery(rule: "T-10 one", algorithm: .rs256) { [UInt8](repeating: 0, count: $0.count - 1) + [1] },
    Forgery(rule: "T-10 past the modulus", algorithm: .ps512) { [UInt8](repeating: 0xFF, count: $0.count) },
    Forgery(rule: "RFC 8032 a byte more", algorithm: .eddsa) { $0 + [0] },
    Forgery(rule: "RFC 8032 S past the order", algorithm: .eddsa) { signature in
      Array(signature[..<32]) + [UInt8](repeating: 0xFF, count: 32)
    },
    Forgery(rule: "RFC 2104 half of it", algorithm: .hs512) { Array($0.prefix(32)) },
    Forgery(rule: "RFC 2104 none of it", algorithm: .hs256) { _ in [] },
  ]

  static let forgeries = ecdsa(.es256, half: 32) + ecdsa(.es384, half: 48) + ecdsa(.es512, half: 66) + others

  @Test("T-9, T-10: signatures that are none", arguments: forgeries)
  func forged(row: Forgery) throws {
    let issuer = try Issuer.shared.get()
    let signed = row.algorithm.header + "|" + Issuer.claims
    let parts = signed.split(separator: "|").map { Base64URL.text(Array($0.utf8)) }
    let message = parts.joined(separator: ".")
    let honest = try issuer.signature(of: Array(message.utf8), row.algorithm)
    let forged = row.forge(honest)
    let keys = row.algorithm.isSymmetric ? issuer.secretKeySet : issuer.keySet
    #expect(Check().fault(Array((message + "." + Base64URL.text(honest)).utf8), keys) == nil)
    #expect(Check().fault(Array((message + "." + Base64URL.text(forged)).utf8), keys) == .signatureInvalid)
  }

  @Test("T-9: an ECDSA signature in DER")
  func encodedSignature() throws {
    let issuer = try Issuer.shared.get()
    let message = Base64URL.text(Array(SignatureAlgorithm.es256.header.utf8)) + "." + Base64URL.text([])
    let signature = try issuer.signature(of: Array(message.utf8), .es256)
    let der = [0x30, 70, 2, 33, 0] + Array(signature[..<32]) + [2, 33, 0] + Array(signature[32...])
    #expect(Check().fault(Array((message + "." + Base64URL.text(der)).utf8), issuer.keySet) == .signatureInvalid)
  }

  private static func next(_ signature: String) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    guard let last = signature.last, let place = alphabet.firstIndex(of: last) else { return "" }
    return String(alphabet[place + 1])
  }
}
