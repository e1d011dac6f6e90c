import Crypto
import Foundation
import JSON
import Testing

@testable import Tokens

/// Public tokens: folders of `PORTCULLIS_CORPORA`, or of `../shared/corpora`.
enum Corpus {
  private static let root =
    ProcessInfo.processInfo.environment["PORTCULLIS_CORPORA"]
    ?? FileManager.default.currentDirectoryPath + "/../shared/corpora"

  /// Whether all the tests' folders are there; says so where they are not.
  static let isThere: Bool = {
    let missing = ["jose-wycheproof", "jose-rfc", "jwt-libraries", "jwt-attacks"].filter {
      !FileManager.default.fileExists(atPath: "\(root)/\($0)")
    }
    for folder in missing { print("skipped: no public tokens at \(root)/\(folder)") }
    return missing.isEmpty
  }()

  static func text(_ path: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(filePath: "\(root)/\(path)")))
  }

  /// One JSON object a line.
  static func cases(_ path: String) throws -> [JSONObject] {
    try text(path).split(separator: UInt8(ascii: "\n")).map { line in
      let line = Array(line)
      let value = try JSON.parse(line.span, depthMax: 64)
      return try #require(value.object)
    }
  }

  /// The key or keys to verify with; nil: none of them can be used. A secret is configured alone, and is for HS*.
  static func keySet(_ key: JSONValue?) -> KeySet? {
    let keys = key?.object?["keys"]?.array ?? [key].compactMap { $0 }
    if keys.count == 1, let secret = keys[0].object, secret["kty"]?.string == "oct" {
      guard secret["alg"]?.string?.hasPrefix("HS") ?? true else { return nil }
      return secret["k"]?.string.flatMap { Base64URL.decode($0) }.flatMap { try? KeySet.secret($0) }
    }
    return try? KeySet.parse(keys: keys)
  }

  /// A private key's public half, for sources that give the private key.
  static func publicHalf(_ key: JSONValue?) -> JSONValue? {
    guard let members = key?.object?.members, key?.object?["kty"]?.string != "oct" else { return key }
    let secret = ["d", "p", "q", "dp", "dq", "qi"]
    return JSONObject(members.filter { !secret.contains($0.name) }).map { .object($0) }
  }

  /// Whether the signature layer takes the token.
  static func isSigned(_ token: String, _ keys: KeySet?) -> Bool {
    guard let keys else { return false }
    let verifier = TokenVerifier(TokenPolicy(provider: "corpus", issuer: "", audiences: .any, tokenBytesMax: 65_536))
    let token = Array(token.utf8)
    do throws(TokenError) {
      _ = try verifier.verifiedPayload(token.span, keys: keys, using: SignatureVerifier())
      return true
    } catch {
      return false
    }
  }
}

@Suite("Corpora of tokens", .enabled(if: Corpus.isThere))
struct CorpusTokenTests {
  /// Good signatures that are refused on purpose.
  private static let refused = [
    // RFC 7517 §4.4: the key's `alg` says PS256, the token's PS384.
    "json_web_signature/346",
    // RFC 7518 §3.1: the key's `alg` is ES521, which no algorithm is called.
    "json_web_signature/351",
    // A set of two secrets: K-6 leaves both out.
    "json_web_key/2",
    // RFC 7797: an unencoded payload, which T-6 refuses.
    "cookbook/rfc7797/hmac-sha2_b64_false/compact",
  ]

  /// Tokens that are to be refused, and are byte for byte the accepted `json_web_signature/357`.
  private static let contradicted = ["json_web_signature/367", "json_web_signature/370"]

  @Test("Wycheproof: JWS and key sets; a JWE is refused")
  func wycheproof() throws {
    var counts: [String: Int] = [:]
    for test in try Corpus.cases("jose-wycheproof/cases.jsonl") {
      let name = try #require(test["name"]?.string)
      let token = try #require(test["token"]?.string)
      let isJWE = test["kind"]?.string == "jwe"
      let key = test["public_key"].flatMap { $0 == .null ? nil : $0 } ?? Corpus.publicHalf(test["private_key"])
      let isSigned = Corpus.isSigned(token, Corpus.keySet(key))
      let expect = isJWE ? "reject" : try #require(test["expect"]?.string)
      counts[expect, default: 0] += 1
      check(name, isSigned, expect)
    }
    #expect(counts["accept"] == 27)
    #expect(counts["reject", default: 0] > 380)
    print("jose-wycheproof: \(counts)")
  }

  @Test("RFC 7515, 7517, 7520, 7638, 7797, 8037: the examples")
  func examples() throws {
    var counts: [String: Int] = [:]
    for test in try Corpus.cases("jose-rfc/cases.jsonl") {
      let name = try #require(test["name"]?.string)
      let kind = try #require(test["kind"]?.string)
      counts[kind, default: 0] += 1
      switch kind {
      case "jws" where test["form"]?.string == "compact":
        let token = try #require(test["token"]?.string)
        let keys = Corpus.keySet(Corpus.publicHalf(test["key"]))
        check(name, Corpus.isSigned(token, keys), try #require(test["expect"]?.string))
      case "jws", "jwe":
        let token = try #require(test["token"])
        let text = token.string ?? String(decoding: token.serialized(), as: UTF8.self)
        #expect(!Corpus.isSigned(text, Corpus.keySet(Corpus.publicHalf(test["key"]))), "\(name)")
      case "jwk":
        let key = Corpus.publicHalf(test["jwk"])
        let isEncryption = key?.object?["use"]?.string == "enc"
        // K-6: a secret has no place in a set; the private key's public half has.
        let isPublic = key?.object?["kty"]?.string != "oct" && !isEncryption
        let isUsed = (try? KeySet.parse(keys: [key].compactMap { $0 })) != nil
        #expect(isUsed == isPublic, "\(name)")
      case "jwks":
        let text = try #require(test["jwks"]).serialized()
        let set = try KeySet.parse(jwks: text.span)
        #expect(set.keys.count == 1)
        #expect(set.problems.map(\.cause) == [.notForSignatures])
      default:
        let set = try KeySet.parse(keys: [#require(test["jwk"])])
        #expect(try Thumbprint.of(set.keys[0].key) == #require(test["thumbprint"]?.string))
      }
    }
    #expect(counts["jws", default: 0] >= 19 && counts["jwk"] == 4 && counts["jwks"] == 1 && counts["thumbprint"] == 1)
    print("jose-rfc: \(counts)")
  }

  @Test("JWT libraries: tokens and their keys")
  func libraryTokens() throws {
    var counts: [String: Int] = [:]
    for test in try Corpus.cases("jwt-libraries/tokens.jsonl") {
      let name = try #require(test["name"]?.string)
      if let text = test["text"]?.string {
        // A key, or a set of some: whatever it is, it is read or refused.
        let text = Array(text.utf8)
        let key = try JSON.parse(text.span)
        let keys = key.object?["keys"]?.array ?? [key]
        let used = (try? KeySet.parse(keys: keys))?.keys.count ?? 0
        #expect(used < 2, "\(name)")
        counts["keys", default: 0] += 1
        continue
      }
      let expect = try #require(test["expect"]?.string)
      counts[expect, default: 0] += 1
      let token = try #require(test["token"]?.string)
      check(name, Corpus.isSigned(token, Corpus.keySet(test["key"].flatMap { $0 == .null ? nil : $0 })), expect)
    }
    #expect(counts["accept"] == 9 && counts["reject"] == 11)
    print("jwt-libraries, tokens: \(counts)")
  }

  @Test("JWT libraries: rules for claims")
  func libraryClaims() throws {
    let issuer = try Issuer.shared.get()
    var counts: [String: Int] = [:]
    for test in try Corpus.cases("jwt-libraries/claims.jsonl") {
      let name = try #require(test["name"]?.string)
      let claims = test["claims"].map { $0.resolved(now: Issuer.now).serialized() }
      let payload = try #require(test["raw_payload"]?.string.map { Array($0.utf8) } ?? claims)
      let more = test["header"]?.object?.members ?? []
      let header = JSONObject([JSONObject.Member(name: "alg", value: "ES256")] + more)
      let token = try issuer.sign(
        header: JSONValue.object(#require(header)).serialized(), payload: payload, with: .es256)
      let isAccepted = Check().fault(token, issuer.keySet) == nil
      let expect = try #require(test["expect"]?.string)
      counts[expect, default: 0] += 1
      check(name, isAccepted, expect)
    }
    #expect(counts["accept"] == 7 && counts["reject"] == 43)
    print("jwt-libraries, claims: \(counts)")
  }

  @Test("Attacks on verifiers, and honest tokens beside them")
  func attacks() throws {
    let text = try Corpus.text("jwt-attacks/jwks.json")
    let keys = try KeySet.parse(jwks: text.span)
    let check = Check(algorithms: [.rs256, .es256, .eddsa])
    let controls = try Corpus.cases("jwt-attacks/controls.jsonl")
    let attacks = try Corpus.cases("jwt-attacks/cases.jsonl")
    for test in controls + attacks {
      let name = try #require(test["name"]?.string)
      let token = try #require(test["token"]?.string)
      self.check(name, check.fault(Array(token.utf8), keys) == nil, try #require(test["expect"]?.string))
    }
    #expect(controls.count == 4 && attacks.count == 102)
    print("jwt-attacks: \(attacks.count) attacks, \(controls.count) honest tokens")
  }

  private func check(_ name: String, _ isAccepted: Bool, _ expect: String) {
    switch expect {
    case "accept": #expect(isAccepted != CorpusTokenTests.refused.contains(name), "\(name)")
    case "reject": #expect(isAccepted == CorpusTokenTests.contradicted.contains(name), "\(name)")
    default: break
    }
  }
}

extension JSONValue {
  /// `{"now": n}` is the time, and n.
  fileprivate func resolved(now: UnixSeconds) -> JSONValue {
    guard let object else { return self }
    if object.members.count == 1, case .integer(let seconds)? = object["now"] { return .integer(now + seconds) }
    let members = object.members.map { JSONObject.Member(name: $0.name, value: $0.value.resolved(now: now)) }
    return JSONObject(members).map { .object($0) } ?? .null
  }
}
