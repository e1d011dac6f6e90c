import Foundation
import Testing

@testable import Crypto

/// Public signatures: the folder `signatures-wycheproof` of `PORTCULLIS_CORPORA`, or of `../shared/corpora`.
private enum Corpus {
  static let folder: String? = {
    let named = ProcessInfo.processInfo.environment["PORTCULLIS_CORPORA"]
    let folder = (named ?? FileManager.default.currentDirectoryPath + "/../shared/corpora") + "/signatures-wycheproof"
    if FileManager.default.fileExists(atPath: folder) { return folder }
    print("skipped: no public signatures at \(folder)")
    return nil
  }()

  struct Case: Decodable {
    let name: String
    let alg: String
    let key: String?
    let k: String?
    let msg: String
    let sig: String
    let expect: String
  }

  struct Key: Decodable {
    let kty: String
    let crv: String?
    let n: String?
    let e: String?
    let x: String?
    let y: String?
  }

  static func bytes(_ text: String?) throws -> [UInt8] {
    var text = try #require(text).replacing("-", with: "+").replacing("_", with: "/")
    while text.count % 4 != 0 { text.append("=") }
    return try Array(#require(Data(base64Encoded: text)))
  }

  /// nil: a key that is refused.
  static func publicKey(_ key: Key) throws -> PublicKey? {
    do {
      switch key.kty {
      case "RSA": return try PublicKey(modulus: bytes(key.n), exponent: bytes(key.e))
      case "OKP": return try PublicKey(ed25519: bytes(key.x))
      default:
        let curves: [String: EllipticCurve] = ["P-256": .p256, "P-384": .p384, "P-521": .p521]
        return try PublicKey(curve: #require(curves[key.crv ?? ""]), x: bytes(key.x), y: bytes(key.y))
      }
    } catch is PublicKeyError {
      return nil
    }
  }

  static let schemes: [String: SignatureScheme] = [
    "RS256": .rsaPKCS1(.sha256), "RS384": .rsaPKCS1(.sha384), "RS512": .rsaPKCS1(.sha512),
    "PS256": .rsaPSS(.sha256), "PS384": .rsaPSS(.sha384), "PS512": .rsaPSS(.sha512),
    "ES256": .ecdsa(.sha256), "ES384": .ecdsa(.sha384), "ES512": .ecdsa(.sha512),
    "EdDSA": .ed25519, "HS256": .hmac(.sha256), "HS384": .hmac(.sha384), "HS512": .hmac(.sha512),
  ]
}

@Suite("Corpus of signatures", .enabled(if: Corpus.folder != nil))
struct CorpusSignatureTests {
  @Test func agreesWithEveryVerdict() throws {
    let folder = try #require(Corpus.folder)
    let named = try JSONDecoder().decode(
      [String: Corpus.Key].self, from: Data(contentsOf: URL(filePath: folder + "/keys.json")))
    let keys = try named.compactMapValues { try Corpus.publicKey($0) }
    let text = try String(contentsOfFile: folder + "/cases.jsonl", encoding: .utf8)
    let verifier = SignatureVerifier()
    var accepted = 0
    var refused = 0
    var either = 0
    for line in text.split(separator: "\n") {
      let test = try JSONDecoder().decode(Corpus.Case.self, from: Data(line.utf8))
      let scheme = try #require(Corpus.schemes[test.alg])
      var key = keys[test.key ?? ""]
      if test.k != nil {
        let secret = try Corpus.bytes(test.k)
        key = try? PublicKey(secret: secret)
      }
      let signature = try Corpus.bytes(test.sig)
      let message = try Corpus.bytes(test.msg)
      let isValid = try key.map { try verifier.isValid(signature.span, over: message.span, scheme, key: $0) } ?? false
      switch test.expect {
      case "accept":
        accepted += 1
        #expect(isValid, "\(test.name)")
      case "reject":
        refused += 1
        #expect(!isValid, "\(test.name)")
      default: either += 1
      }
    }
    #expect(accepted > 700 && refused > 1500)
    print("signatures: \(accepted) accepted, \(refused) refused, \(either) left open")
  }
}
