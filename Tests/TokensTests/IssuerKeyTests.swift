import Crypto
import JSON
import Testing

@testable import Tokens

@Suite("The gateway's own keys")
struct IssuerKeyTests {
  private static let kinds: [(SignatureAlgorithm, SigningKey.Kind)] = [
    (.rs256, .rsa(bits: 2048)), (.ps512, .rsa(bits: 2048)), (.es256, .ellipticCurve(.p256)),
    (.es384, .ellipticCurve(.p384)), (.es512, .ellipticCurve(.p521)), (.eddsa, .ed25519),
  ]

  @Test("What is minted verifies with what is published", arguments: kinds)
  func roundTrip(algorithm: SignatureAlgorithm, kind: SigningKey.Kind) throws {
    let key = try IssuerKey(try SigningKey.generate(kind), algorithm: algorithm)
    let claims: JSONObject = [
      "iss": .string(Issuer.name), "aud": "api", "sub": "alice", "exp": .integer(Issuer.now + 60),
      "roles": .array(["admin"]),
    ]
    let token = try TokenMinter.mint(claims, with: key)
    let published = try KeySet.parse(jwks: IssuerKey.published([key]).span)
    for keys in [published, KeySet([key])] {
      let verified = try Check(algorithms: [algorithm])(token, keys).get()
      #expect(verified.subject == "alice")
      #expect(verified.claims.roles == ["admin"])
      #expect(verified.keyID == key.keyID)
    }
    let decoded = try DecodedToken(token.span)
    #expect(decoded.header == ["alg": .string(algorithm.rawValue), "typ": "at+jwt", "kid": .string(key.keyID)])
    #expect(decoded.claims == claims)
  }

  @Test(
    "A token that was just signed is refused for what it would be refused for when it is verified", arguments: kinds)
  func checkIssued(algorithm: SignatureAlgorithm, kind: SigningKey.Kind) throws {
    let key = try IssuerKey(try SigningKey.generate(kind), algorithm: algorithm)
    let other = try IssuerKey(try SigningKey.generate(kind), algorithm: algorithm)
    let good: [JSONObject.Member] = [
      JSONObject.Member(name: "iss", value: .string(Issuer.name)), JSONObject.Member(name: "aud", value: "api"),
      JSONObject.Member(name: "sub", value: "alice"), JSONObject.Member(name: "exp", value: .integer(Issuer.now + 60)),
    ]
    var checks = [Check(algorithms: [algorithm]), Check(), Check(tokenBytesMax: 100), Check(type: "JWT")]
    checks.append(Check(algorithms: [algorithm == .es256 ? .rs256 : .es256]))
    var changed = [good, []]
    for (index, value): (Int, JSONValue) in [
      (0, "https://other.example"), (1, "other"), (2, .integer(1)), (3, .integer(Issuer.now - 600)),
    ] {
      var members = good
      members[index] = JSONObject.Member(name: good[index].name, value: value)
      changed.append(members)
    }
    for members in changed {
      let token = try TokenMinter.mint(try #require(JSONObject(members)), with: key)
      for check in checks {
        if case .success = check.issued(token, by: other) { Issue.record("of another key") }
        switch (check(token, KeySet([key])), check.issued(token, by: key)) {
        case (.success(let verified), .success(let claims)): #expect(claims.subject == verified.subject)
        case (.failure(let refused), .failure(let error)): #expect(error.fault == refused.fault)
        default: Issue.record("one is refused, and the other not")
        }
      }
    }
  }

  @Test("K-8: no private member is published", arguments: kinds)
  func publicMembers(algorithm: SignatureAlgorithm, kind: SigningKey.Kind) throws {
    let key = try IssuerKey(try SigningKey.generate(kind), algorithm: algorithm)
    let text = IssuerKey.published([key])
    let set = try #require(try JSON.parse(text.span).object)
    let members = try #require(set["keys"]?.array?.first?.object).members.map(\.name)
    let allowed = ["kty", "crv", "x", "y", "n", "e", "kid", "use", "alg"]
    #expect(members.allSatisfy { allowed.contains($0) })
    #expect(members.contains("kid") && members.contains("use") && members.contains("alg"))
  }

  private static let shared: [SignatureAlgorithm] = [.hs256, .hs384, .hs512]

  @Test("A secret: what is minted verifies with it, and with nothing that is published", arguments: shared)
  func secret(algorithm: SignatureAlgorithm) throws {
    let key = try IssuerKey(try SigningKey(secret: Issuer.secret), algorithm: algorithm)
    let claims: JSONObject = ["iss": .string(Issuer.name), "aud": "api", "exp": .integer(Issuer.now + 60)]
    let token = try TokenMinter.mint(claims, with: key)
    let keys = KeySet([key])
    #expect(keys.isSecret)
    #expect(try Check()(token, keys).get().keyID == key.keyID)
    #expect(try Check()(token, KeySet.secret(Issuer.secret)).get().keyID == key.keyID)
    for other in IssuerKeyTests.shared where other != algorithm {
      let confused = try TokenMinter.mint(
        claims, with: try IssuerKey(try SigningKey(secret: Issuer.secret), algorithm: other))
      #expect(Check().fault(confused, keys) == .keyMismatch)
    }
    // T-1: neither passes for the other.
    let pair = try IssuerKey(try SigningKey.generate(.ellipticCurve(.p256)), algorithm: .es256)
    #expect(Check().fault(try TokenMinter.mint(claims, with: pair), keys) == .algorithmRefused(allowed: []))
    #expect(Check().fault(token, KeySet([pair])) == .algorithmRefused(allowed: []))
    #expect(IssuerKey.published([key]) == Array(#"{"keys":[]}"#.utf8))
    #expect(IssuerKey.published([key, pair]) == IssuerKey.published([pair]))
  }

  @Test("Former secrets verify what they have signed, whatever the token calls its key", arguments: shared)
  func formerSecrets(algorithm: SignatureAlgorithm) throws {
    let all = try (0..<5).map { number in
      try IssuerKey(try SigningKey(secret: Issuer.secret + [number]), algorithm: algorithm)
    }
    let claims: JSONObject = ["iss": .string(Issuer.name), "aud": "api", "exp": .integer(Issuer.now + 60)]
    let keys = KeySet(Array(all[0...2]))
    for key in all[0...2] {
      #expect(try Check()(try TokenMinter.mint(claims, with: key), keys).get().keyID == key.keyID)
    }
    for key in all[3...] {
      #expect(Check().fault(try TokenMinter.mint(claims, with: key), keys) == .signatureInvalid)
    }
    // SECURITY T-8: no more than four are tried.
    #expect(Check().fault(try TokenMinter.mint(claims, with: all[4]), KeySet(all)) == .signatureInvalid)
  }

  @Test("The name of a secret is its own, and not its hash")
  func secretName() throws {
    func name(_ secret: [UInt8]) throws -> String {
      try IssuerKey(try SigningKey(secret: secret), algorithm: .hs256).keyID
    }
    let secret = Issuer.secret
    #expect(try name(secret) == name(secret))
    #expect(try name(secret) != name(secret.reversed()))
    #expect(try name(secret).utf8.count == 22)
    let jwk = Array(#"{"k":"\#(Base64URL.text(secret))","kty":"oct"}"#.utf8)
    for text in [secret, jwk] {
      let digest = try HashFunction.sha256.digest(of: text.span)
      #expect(try !Base64URL.text(digest).hasPrefix(name(secret)))
    }
  }

  @Test("A key does not sign with an algorithm that it does not fit", arguments: SignatureAlgorithm.allCases)
  func misfit(algorithm: SignatureAlgorithm) throws {
    let key = try SigningKey.generate(.ellipticCurve(.p256))
    guard algorithm != .es256 else {
      #expect(try IssuerKey(key, algorithm: algorithm).algorithm == .es256)
      return
    }
    #expect(throws: SigningKeyError.unsupported) { try IssuerKey(key, algorithm: algorithm) }
  }

  @Test("RFC 8037 A.3: a thumbprint")
  func thumbprint() throws {
    let point = try #require(Base64URL.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"))
    let key = try PublicKey(ed25519: point)
    #expect(try Thumbprint.of(key) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")
  }

  @Test("A secret has no thumbprint")
  func secretThumbprint() throws {
    let secret = try PublicKey(secret: Issuer.secret)
    #expect(throws: SigningKeyError.unsupported) { try Thumbprint.of(secret) }
  }

  @Test("What can be read of a broken token", arguments: ["", "a.b.c", "e30.W10.", "W10.e30.", "e30.e30", "e30.e30.A"])
  func undecodable(token: String) {
    #expect(throws: TokenError.self) { try DecodedToken(Array(token.utf8).span) }
  }

  @Test("The payload of a token without claims, for looking at it")
  func verifiedPayload() throws {
    let issuer = try Issuer.shared.get()
    let verifier = TokenVerifier(TokenPolicy(provider: "idp", issuer: "", audiences: .any))
    let token = try issuer.sign(header: SignatureAlgorithm.es256.header, payload: "no claims")
    let payload = try verifier.verifiedPayload(token.span, keys: issuer.keySet, using: SignatureVerifier())
    #expect(payload == Array("no claims".utf8))
    let forged = try issuer.sign(header: SignatureAlgorithm.es256.header, payload: "no claims", with: .es384)
    #expect(throws: TokenError.self) {
      try verifier.verifiedPayload(forged.span, keys: issuer.keySet, using: SignatureVerifier())
    }
  }
}
