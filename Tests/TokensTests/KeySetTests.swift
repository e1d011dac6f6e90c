import Crypto
import JSON
import Testing

@testable import Tokens

@Suite("Key sets")
struct KeySetTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let rule: String
    var of: SignatureAlgorithm = .es256
    /// Members of a good key that are put in its place, or added.
    let members: KeyValuePairs<String, JSONValue>
    /// nil: the key is used.
    let cause: UnusedKey?
    var testDescription: String { "\(rule), \(of.rawValue)" }
  }

  static let rows = [
    Row(rule: "nothing but the key", members: [:], cause: nil),
    Row(rule: "use sig", members: ["use": "sig"], cause: nil),
    Row(rule: "key_ops verify", members: ["key_ops": .array(["verify"])], cause: nil),
    Row(rule: "its own alg", members: ["alg": "ES256"], cause: nil),
    Row(rule: "members of others", members: ["x5t": "AAAA", "nbf": .integer(1), "issuer": "x"], cause: nil),
    Row(rule: "zeros before e", of: .rs256, members: ["e": "AAEAAQ"], cause: nil),

    Row(rule: "K-6 oct", members: ["kty": "oct", "k": "AAAA"], cause: .secret),
    Row(rule: "K-6 k in a public key", members: ["k": "AAAA"], cause: .secret),
    Row(rule: "K-6 d", members: ["d": "AAAA"], cause: .privateMembers),
    Row(rule: "K-6 d", of: .eddsa, members: ["d": "AAAA"], cause: .privateMembers),
    Row(rule: "K-6 d", of: .rs256, members: ["d": "AAAA"], cause: .privateMembers),
    Row(rule: "K-6 p", of: .rs256, members: ["p": "AAAA"], cause: .privateMembers),
    Row(rule: "K-6 qi", of: .rs256, members: ["qi": .null], cause: .privateMembers),
    Row(rule: "K-6 oth", of: .rs256, members: ["oth": .array([])], cause: .privateMembers),
    Row(rule: "K-6 use enc", members: ["use": "enc"], cause: .notForSignatures),
    Row(rule: "K-6 use case", members: ["use": "SIG"], cause: .notForSignatures),
    Row(rule: "K-6 use null", members: ["use": .null], cause: .notForSignatures),
    Row(rule: "K-6 key_ops sign", members: ["key_ops": .array(["sign"])], cause: .notForSignatures),
    Row(rule: "K-6 key_ops empty", members: ["key_ops": .array([])], cause: .notForSignatures),
    Row(rule: "K-6 key_ops string", members: ["key_ops": "verify"], cause: .memberInvalid("key_ops")),
    Row(rule: "K-6 alg of another type", members: ["alg": "RS256"], cause: .algorithmMismatch),
    Row(rule: "K-6 alg of another curve", members: ["alg": "ES384"], cause: .algorithmMismatch),
    Row(rule: "K-6 alg of a secret", of: .rs256, members: ["alg": "HS256"], cause: .algorithmMismatch),
    Row(
      rule: "K-6 alg of encryption", of: .rs256, members: ["alg": "RSA-OAEP"],
      cause: .unsupported("the algorithm RSA-OAEP")),
    Row(rule: "K-6 alg number", members: ["alg": .integer(256)], cause: .memberInvalid("alg")),
    Row(rule: "K-6 point off the curve", members: ["x": .string(zeros(32))], cause: .material(.pointInvalid)),
    Row(rule: "K-6 coordinate too short", members: ["y": .string(zeros(31))], cause: .material(.pointInvalid)),
    Row(rule: "K-6 no coordinate", members: ["y": .null], cause: .material(.pointInvalid)),
    Row(rule: "K-6 coordinate with padding", members: ["y": .string(zeros(32) + "=")], cause: .material(.pointInvalid)),
    Row(rule: "K-6 a byte less", of: .eddsa, members: ["x": .string(zeros(31))], cause: .material(.pointInvalid)),
    Row(rule: "K-6 another curve's name", members: ["crv": "P-384"], cause: .material(.pointInvalid)),
    Row(rule: "K-6 unknown curve", members: ["crv": "secp256k1"], cause: .unsupported("the curve secp256k1")),
    Row(rule: "K-6 no curve", members: ["crv": .null], cause: .unsupported("the curve without a name")),
    Row(
      rule: "K-6 a curve for agreement", of: .eddsa, members: ["crv": "X25519"], cause: .unsupported("the curve X25519")
    ),
    Row(rule: "K-6 Ed448", of: .eddsa, members: ["crv": "Ed448"], cause: .unsupported("the curve Ed448")),
    Row(rule: "K-6 unknown type", members: ["kty": "AKP"], cause: .unsupported("the key type AKP")),
    Row(rule: "K-6 type's case", members: ["kty": "ec"], cause: .unsupported("the key type ec")),
    Row(rule: "K-6 type number", members: ["kty": .integer(1)], cause: .memberInvalid("kty")),
    Row(rule: "T-8 kid number", members: ["kid": .integer(7)], cause: .memberInvalid("kid")),
    Row(
      rule: "T-8 kid too long", members: ["kid": .string(String(repeating: "k", count: 257))],
      cause: .memberInvalid("kid")),
    Row(rule: "T-10 exponent 1", of: .rs256, members: ["e": "AQ"], cause: .material(.exponentInvalid)),
    Row(rule: "T-10 even exponent", of: .rs256, members: ["e": "Ag"], cause: .material(.exponentInvalid)),
    Row(rule: "T-10 exponent past 2^33", of: .rs256, members: ["e": "AgAAAAE"], cause: .material(.exponentInvalid)),
    Row(
      rule: "T-10 1024 bits", of: .rs256, members: ["n": .string(ones(128))], cause: .material(.modulusSize(bits: 1024))
    ),
    Row(
      rule: "T-10 8200 bits", of: .rs256, members: ["n": .string(ones(1025))],
      cause: .material(.modulusSize(bits: 8200))),
    Row(rule: "T-10 no modulus", of: .rs256, members: ["n": .null], cause: .material(.modulusSize(bits: 0))),
  ]

  @Test("K-6: a key breaks one rule; the set's other key is used all the same", arguments: rows)
  func key(row: Row) throws {
    let issuer = try Issuer.shared.get()
    let other = try #require(issuer.publicKey(.es384)).jwk(["kid": "other"])
    let jwk = try #require(issuer.publicKey(row.of)).jwk(row.members)
    let set = try KeySet.parse(keys: [jwk, other])
    #expect(set.keys.count == (row.cause == nil ? 2 : 1))
    #expect(set.problems.map(\.cause) == (row.cause.map { [$0] } ?? []))
    #expect(set.problems.allSatisfy { $0.index == 0 })
    #expect(set.keys.last?.keyID == "other")
    if row.cause == nil {
      #expect(Check().fault(try issuer.sign(header: #"{"alg":"\#(row.of.rawValue)"}"#, with: row.of), set) == nil)
    }
  }

  @Test("K-6: two keys of one kid are both unused, whatever their types")
  func repeatedKeyID() throws {
    let issuer = try Issuer.shared.get()
    let keys = [SignatureAlgorithm.es256, .rs256, .eddsa].compactMap { issuer.publicKey($0) }
    let set = try KeySet.parse(keys: [keys[0].jwk(["kid": "a"]), keys[1].jwk(["kid": "a"]), keys[2].jwk(["kid": "b"])])
    #expect(set.keys.map(\.keyID) == ["b"])
    #expect(set.problems.map(\.cause) == [.keyIDRepeated, .keyIDRepeated])
    // In the same words, so once.
    #expect(set.problems.named.map(\.index) == [0] && set.problems.unnamedCount == 0)
    #expect(Check().fault(try issuer.sign(header: #"{"alg":"ES256","kid":"a"}"#), set) == .keyUnknown)
  }

  struct Text: Sendable, CustomTestStringConvertible {
    let rule: String
    let text: String
    let error: KeySetError
    var testDescription: String { rule }
  }

  static let texts = [
    Text(rule: "K-5 nothing", text: "", error: .malformed),
    Text(rule: "K-5 HTML", text: "<!DOCTYPE html><html></html>", error: .malformed),
    Text(rule: "K-5 null", text: "null", error: .malformed),
    Text(rule: "K-5 a list", text: "[]", error: .malformed),
    Text(rule: "K-5 a key instead of a set", text: #"{"kty":"EC"}"#, error: .malformed),
    Text(rule: "K-5 keys no list", text: #"{"keys":{}}"#, error: .malformed),
    Text(rule: "K-5 keys twice", text: #"{"keys":[],"keys":[]}"#, error: .malformed),
    Text(rule: "K-5 cut off", text: #"{"keys":["#, error: .malformed),
    Text(rule: "K-5 empty", text: #"{"keys":[]}"#, error: .noUsableKeys([])),
    Text(
      rule: "K-5 no key", text: #"{"keys":[7]}"#,
      error: .noUsableKeys([KeySet.Problem(index: 0, keyID: nil, cause: .memberInvalid("keys"))])),
    Text(
      rule: "K-5 no usable key", text: #"{"keys":[{"kty":"oct","kid":"s","k":"AA"}]}"#,
      error: .noUsableKeys([KeySet.Problem(index: 0, keyID: "s", cause: .secret)])),
    Text(
      rule: "K-2 101 keys", text: #"{"keys":["# + String(repeating: "0,", count: 100) + "0]}",
      error: .tooManyKeys(101)),
  ]

  @Test("K-2, K-5: texts that are no key set", arguments: texts)
  func text(row: Text) {
    #expect(throws: row.error) { try KeySet.parse(jwks: Array(row.text.utf8).span) }
  }

  @Test("K-2: 100 keys are a set")
  func hundredKeys() throws {
    let key = try #require(Issuer.shared.get().publicKey(.eddsa))
    let set = try KeySet.parse(keys: (0..<100).map { key.jwk(["kid": .string("\($0)")]) })
    #expect(set.keys.count == 100)
  }

  @Test(
    "RFC 9864: Ed25519 is another name of EdDSA, in keys and in tokens",
    arguments: [("EdDSA", "Ed25519"), ("Ed25519", "EdDSA"), ("Ed25519", "Ed25519"), ("Ed25519", nil)]
      as [(String, String?)])
  func ed25519(ofToken: String, ofKey: String?) throws {
    let issuer = try Issuer.shared.get()
    let key = try #require(issuer.publicKey(.eddsa))
    let jwk = ofKey.map { key.jwk(["kid": "e", "alg": .string($0)]) } ?? key.jwk(["kid": "e"])
    let keys = try KeySet.parse(keys: [jwk])
    let token = try issuer.sign(header: "{\"alg\":\"\(ofToken)\",\"kid\":\"e\"}", with: .eddsa)
    #expect(try Check(algorithms: [.eddsa])(token, keys).get().algorithm == .eddsa)
    #expect(Check(algorithms: [.es256]).fault(token, keys) == .algorithmRefused(allowed: [.es256]))
  }

  @Test("RFC 9864: a name of an algorithm is compared whole, and with its case")
  func names() {
    #expect(SignatureAlgorithm(name: "Ed25519") == .eddsa && SignatureAlgorithm(name: "EdDSA") == .eddsa)
    #expect(SignatureAlgorithm(name: "RS256") == .rs256)
    for name in ["ed25519", "Ed448", "Ed25519 ", "none", "", "EDDSA"] { #expect(SignatureAlgorithm(name: name) == nil) }
  }

  struct Secret: Sendable, CustomTestStringConvertible {
    let rule: String
    let secret: String
    let error: UnusedKey?
    var testDescription: String { rule }
  }

  static let secrets = [
    Secret(rule: "32 bytes", secret: String(repeating: "s", count: 32), error: nil),
    Secret(
      rule: "T-2 31 bytes", secret: String(repeating: "s", count: 31), error: .material(.secretTooShort(bytes: 31))),
    Secret(rule: "T-2 empty", secret: "", error: .material(.secretTooShort(bytes: 0))),
    keyMaterial("T-2 PEM", "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"),
    keyMaterial("T-2 PEM after lines", "\r\n -----BEGIN RSA PUBLIC KEY-----\nMIIBCgKCAQEA"),
    keyMaterial("T-2 a certificate", "-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEAgAAuTANBgkq"),
    keyMaterial("T-2 a JWK", #"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx","e":"AQAB"}"#),
    keyMaterial("T-2 OpenSSH", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGj4k3y6e4a9 user@host"),
  ]

  @Test("T-2: what a shared secret may be", arguments: secrets)
  func secret(row: Secret) throws {
    do throws(UnusedKey) {
      let set = try KeySet.secret(Array(row.secret.utf8))
      #expect(set.isSecret)
      #expect(row.error == nil)
    } catch {
      #expect(error == row.error)
    }
  }

  struct Unarmoured: Sendable, CustomTestStringConvertible {
    let what: String
    /// The beginning of the key in DER: tags, lengths and the algorithm.
    let head: [UInt8]
    /// Bytes that follow.
    let count: Int
    var isRefused = true
    var testDescription: String { what }
  }

  static let unarmoured = [
    Unarmoured(
      what: "Ed25519, RFC 8410 §4", head: [0x30, 0x2A, 0x30, 5, 6, 3, 0x2B, 0x65, 0x70, 3, 0x21, 0], count: 32),
    Unarmoured(
      what: "P-256, RFC 5480 §2", head: [0x30, 0x59, 0x30, 0x13, 6, 7, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 2, 1], count: 78),
    Unarmoured(what: "RSA, RFC 3279 §2.3.1", head: [0x30, 0x82, 1, 0x22, 0x30, 13, 6, 9, 0x2A], count: 285),
    Unarmoured(what: "RSA, RFC 8017 §A.1.1", head: [0x30, 0x82, 1, 10, 2, 0x82, 1, 1, 0], count: 261),
    Unarmoured(what: "a certificate, RFC 5280 §4.1", head: [0x30, 0x81, 200, 0x30, 100, 0xA0, 3, 2, 1, 2], count: 193),
    Unarmoured(what: "a private key, RFC 5958 §2", head: [0x30, 0x2E, 2, 1, 0, 0x30, 5], count: 41),
    Unarmoured(what: "a byte less than it says", head: [0x30, 0x2A, 0x30, 5, 6, 3], count: 37, isRefused: false),
    Unarmoured(what: "a byte more than it says", head: [0x30, 0x2A, 0x30, 5, 6, 3], count: 39, isRefused: false),
    Unarmoured(what: "an inner value past the end", head: [0x30, 0x2A, 0x30, 0x7F, 6], count: 39, isRefused: false),
    Unarmoured(what: "a length without its bytes", head: [0x30, 0x82], count: 32, isRefused: false),
    Unarmoured(what: "another inner value", head: [0x30, 0x2A, 4, 5], count: 40, isRefused: false),
    Unarmoured(what: "no SEQUENCE", head: [0x31, 0x2A, 0x30, 5, 6], count: 39, isRefused: false),
  ]

  @Test("T-2: keys without armour, in DER and in base64", arguments: unarmoured)
  func unarmouredSecret(row: Unarmoured) throws {
    let der = row.head + [UInt8](repeating: 0xF7, count: row.count)
    let base64 = Base64URL.text(der).replacing("-", with: "+").replacing("_", with: "/")
    let padded = base64 + String(repeating: "=", count: (4 - base64.utf8.count % 4) % 4) + "\r\n"
    for secret in [der, Array(base64.utf8), Array(padded.utf8)] {
      do throws(UnusedKey) {
        _ = try KeySet.secret(secret)
        #expect(!row.isRefused)
      } catch {
        #expect(row.isRefused && error == .unsupported("key material as a secret"))
      }
    }
  }

  private static func keyMaterial(_ rule: String, _ secret: String) -> Secret {
    Secret(rule: rule, secret: secret, error: .unsupported("key material as a secret"))
  }

  private static func zeros(_ count: Int) -> String { Base64URL.text([UInt8](repeating: 0, count: count)) }
  private static func ones(_ count: Int) -> String { Base64URL.text([UInt8](repeating: 0xFF, count: count)) }
}
