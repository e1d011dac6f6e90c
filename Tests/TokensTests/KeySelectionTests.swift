import Crypto
import JSON
import Reason
import Testing

@testable import Tokens

@Suite("Which key a token is verified with")
struct KeySelectionTests {
  /// ES256 keys that have no `kid`.
  private static func unnamed(_ count: Int) throws -> [SigningKey] {
    try (0..<count).map { _ in try SigningKey.generate(.ellipticCurve(.p256)) }
  }

  private static func token(
    _ key: SigningKey, header: String = #"{"alg":"ES256"}"#, claims: String = Issuer.claims
  ) throws -> [UInt8] {
    let signed = Base64URL.text(Array(header.utf8)) + "." + Base64URL.text(Array(claims.utf8))
    let signature = try key.sign(Array(signed.utf8).span, .ecdsa(.sha256))
    return Array((signed + "." + Base64URL.text(signature)).utf8)
  }

  @Test("T-8: without a kid four keys that fit are tried, and no more", arguments: 0..<6)
  func fourAtMost(place: Int) throws {
    let keys = try KeySelectionTests.unnamed(6)
    let issuer = try Issuer.shared.get()
    // Keys that do not fit do not count.
    let others = [SignatureAlgorithm.rs256, .eddsa, .es384].compactMap { issuer.publicKey($0)?.jwk() }
    let set = try KeySet.parse(keys: others + keys.map { $0.publicKey.jwk() })
    let fault = Check().fault(try KeySelectionTests.token(keys[place]), set)
    #expect(fault == (place < 4 ? nil : .signatureInvalid))
  }

  @Test("T-8: a kid names one key, which no other replaces")
  func namedKeyAlone() throws {
    let keys = try KeySelectionTests.unnamed(2)
    let set = try KeySet.parse(keys: [keys[0].publicKey.jwk(["kid": "a"]), keys[1].publicKey.jwk(["kid": "b"])])
    let ofA = #"{"alg":"ES256","kid":"a"}"#
    #expect(Check().fault(try KeySelectionTests.token(keys[0], header: ofA), set) == nil)
    #expect(Check().fault(try KeySelectionTests.token(keys[1], header: ofA), set) == .signatureInvalid)
    let ofC = #"{"alg":"ES256","kid":"c"}"#
    #expect(Check().fault(try KeySelectionTests.token(keys[0], header: ofC), set) == .keyUnknown)
  }

  @Test("T-8: a kid is not a name of a key without one")
  func unnamedKey() throws {
    let keys = try KeySelectionTests.unnamed(1)
    let set = try KeySet.parse(keys: [keys[0].publicKey.jwk()])
    let token = try KeySelectionTests.token(keys[0], header: #"{"alg":"ES256","kid":"a"}"#)
    #expect(Check().fault(token, set) == .keyUnknown)
  }

  @Test("T-8: kids that Swift takes for equal are two")
  func canonicallyEquivalent() throws {
    let keys = try KeySelectionTests.unnamed(2)
    let composed = "\u{E9}"
    let decomposed = "e\u{301}"
    #expect(composed == decomposed)
    let set = try KeySet.parse(keys: [
      keys[0].publicKey.jwk(["kid": .string(composed)]), keys[1].publicKey.jwk(["kid": .string(decomposed)]),
    ])
    #expect(set.keys.count == 2)
    for (index, name) in [composed, decomposed].enumerated() {
      let token = try KeySelectionTests.token(keys[index], header: #"{"alg":"ES256","kid":"\#(name)"}"#)
      #expect(Check().fault(token, set) == nil)
    }
  }

  @Test("T-7: a key in the token is no key, and nothing is verified with it")
  func ownKey() throws {
    let mine = try SigningKey.generate(.ellipticCurve(.p256))
    let issuer = try Issuer.shared.get()
    let jwk = String(decoding: mine.publicKey.jwk(["kid": "es256"]).serialized(), as: UTF8.self)
    for kid in ["", #","kid":"es256""#] {
      let token = try KeySelectionTests.token(mine, header: #"{"alg":"ES256"\#(kid),"jwk":\#(jwk)}"#)
      #expect(Check().fault(token, issuer.keySet) == .signatureInvalid)
    }
  }

  @Test("T-11: another issuer's key does not speak for this one")
  func foreignKey() throws {
    let issuer = try Issuer.shared.get()
    let foreign = try KeySelectionTests.unnamed(1)
    // B signs with its own key, under its kid and under ours.
    #expect(
      Check().fault(try KeySelectionTests.token(foreign[0], header: #"{"alg":"ES256","kid":"b"}"#), issuer.keySet)
        == .keyUnknown)
    #expect(
      Check().fault(try KeySelectionTests.token(foreign[0], header: SignatureAlgorithm.es256.header), issuer.keySet)
        == .signatureInvalid)
  }

  @Test(
    "T-1: a key without alg verifies what fits it: both paddings, every hash",
    arguments: SignatureAlgorithm.allCases.filter { !$0.isSymmetric })
  func keyWithoutAlgorithm(algorithm: SignatureAlgorithm) throws {
    let issuer = try Issuer.shared.get()
    let key = try #require(issuer.publicKey(algorithm))
    let set = try KeySet.parse(keys: [key.jwk(["kid": .string(algorithm.keyID)])])
    #expect(Check().fault(try issuer.token(algorithm), set) == nil)
  }

  @Test(
    "T-2: a secret too short for the hash",
    arguments: [(32, ["HS256"]), (47, ["HS256"]), (48, ["HS256", "HS384"]), (63, ["HS256", "HS384"])])
  func shortSecret(bytes: Int, allowed: [String]) throws {
    let issuer = try Issuer.shared.get()
    let set = try KeySet.secret([UInt8](Issuer.secret.prefix(bytes)))
    for algorithm in SignatureAlgorithm.allCases where algorithm.isSymmetric {
      // Signed with another secret: the size is looked at before.
      let isAllowed = allowed.contains(algorithm.rawValue)
      #expect(Check().fault(try issuer.token(algorithm), set) == (isAllowed ? .signatureInvalid : .keyMismatch))
    }
  }

  @Test("K-4: without keys a token is refused for that, unless no key could save it")
  func noKeys() throws {
    let issuer = try Issuer.shared.get()
    let error = try #require(throws: TokenError.self) { try Check()(issuer.token(), nil).get() }
    #expect(error.fault == .keysUnavailable)
    #expect(error.reason == .keysUnavailable)
    #expect(error.reason.status == 503)
    #expect(Check().fault(Array("a.b".utf8), nil) == .malformed)
    #expect(Check().fault(try issuer.sign(header: #"{"alg":"none"}"#), nil) == .algorithmRefused(allowed: []))
  }
}
