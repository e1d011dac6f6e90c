import Crypto
import JSON
import Testing

@testable import Tokens

@Suite("What an upstream is told, signed")
struct IdentityAssertionTests {
  private let issuer: Issuer
  private let key: IssuerKey
  private let assertion = IdentityAssertion(
    issuer: "https://gate.example", audience: "orders", route: "admin", lifetimeSeconds: 60)

  init() throws {
    issuer = try Issuer.shared.get()
    key = try IssuerKey(try SigningKey.generate(.ellipticCurve(.p256)), algorithm: .es256)
  }

  /// What is told of a token with these claims, beside those that each has.
  private func token(_ more: String, _ mapping: ClaimMapping = ClaimMapping(), deadline: UnixSeconds = .max) throws
    -> [UInt8]
  {
    var check = Check()
    check.claims = mapping
    let verified = try check(try issuer.token(payload: Issuer.claims(more)), issuer.keySet).get()
    return try assertion.token(
      about: verified.claims, deadline: min(verified.deadline, deadline), now: Issuer.now, id: [1, 2, 3], key: key)
  }

  private func part(_ index: Int, of token: [UInt8]) throws -> JSONValue {
    let parts = token.split(separator: UInt8(ascii: "."))
    try #require(parts.count == 3)
    let text = try #require(Base64URL.decode(String(decoding: parts[index], as: UTF8.self)))
    return try JSON.parse(text.span)
  }

  @Test("Every claim, and no other of the token's")
  func claims() throws {
    var mapping = ClaimMapping()
    mapping.roles = try ClaimPath("realm.roles")
    let token = try token(
      #"""
      ,"preferred_username":"al","email":"a@b.example","realm":{"roles":["admin","a b"]},"permissions":["p"],\#
      "scope":"x y","tenant":"acme","sid":"1","cnf":null
      """#, mapping)
    #expect(
      try part(0, of: token)
        == .object(["alg": "ES256", "typ": "portcullis-assertion+jwt", "kid": .string(key.keyID)]))
    let found = try #require(try part(1, of: token).object)
    let wanted: [String: JSONValue] = [
      "iss": "https://gate.example", "aud": "orders", "sub": "alice", "iat": .integer(Issuer.now),
      "nbf": .integer(Issuer.now), "exp": .integer(Issuer.now + 60), "jti": "AQID", "idp": "https://idp.example",
      "preferred_username": "al", "email": "a@b.example", "email_verified": .bool(false),
      "roles": .array(["admin", "a b"]), "permissions": .array(["p"]), "scope": "x y", "route": "admin",
      "decided_at": .integer(Issuer.now),
    ]
    #expect(found.members.count == wanted.count)
    for (name, value) in wanted { #expect(found[name] == value, "\(name)") }
  }

  @Test("What is not there is left out; lists are there when they are empty")
  func few() throws {
    let found = try #require(try part(1, of: try token(#","email":7,"preferred_username":null"#)).object)
    #expect(found["email"] == nil && found["preferred_username"] == nil)
    #expect(found["roles"] == .array([]) && found["permissions"] == .array([]) && found["scope"] == "")
  }

  @Test(
    "I-9: an address is told with whether it is verified; not where it is said not to be, or is not one address",
    arguments: [
      (#""a@b.example","email_verified":true"#, true), (#""a@b.example","email_verified":"true""#, true),
      (#""a@b.example""#, false), (#""a@b.example","email_verified":null"#, false),
      (#""a@b.example","email_verified":false"#, nil), (#""a@evil@b.example""#, nil),
      (#""a@evil@b.example","email_verified":true"#, nil), (#""b.example","email_verified":true"#, nil),
      (#""""#, nil), (#"null,"email_verified":true"#, nil), (#"["a@b.example"],"email_verified":true"#, nil),
    ] as [(String, Bool?)])
  func address(email: String, isVerified: Bool?) throws {
    let found = try #require(try part(1, of: try token(#","email":"# + email)).object)
    #expect(found["email"] == isVerified.map { _ in "a@b.example" })
    #expect(found["email_verified"] == isVerified.map { .bool($0) })
  }

  @Test("T-17: a scope that holds a space is not told as two")
  func scopes() throws {
    let found = try #require(try part(1, of: try token(#","scope":["read","x admin",""," "]"#)).object)
    #expect(found["scope"] == "read")
  }

  @Test("It is not good for longer than who it is about")
  func expiry() throws {
    #expect(assertion.expiry(now: 100, deadline: 1000) == 160)
    #expect(assertion.expiry(now: 100, deadline: 159) == 159)
    let found = try #require(try part(1, of: try token("", deadline: Issuer.now + 7)).object)
    #expect(found["exp"] == .integer(Issuer.now + 7))
  }

  @Test("T-6: nobody takes it for an access token")
  func type() throws {
    let token = try token("")
    let keys = KeySet([key])
    func fault(_ type: String?) -> TokenError.Fault? {
      let policy = TokenPolicy(provider: "p", issuer: "https://gate.example", audiences: .any, type: type)
      do throws(TokenError) {
        _ = try TokenVerifier(policy).verify(token.span, keys: keys, now: Issuer.now, using: SignatureVerifier())
        return nil
      } catch {
        return error.fault
      }
    }
    #expect(fault(nil) == .typeRefused(expected: "JWT or at+jwt"))
    #expect(fault("at+jwt") == .typeRefused(expected: "at+jwt"))
    // Whoever looks for one finds it good.
    #expect(fault(IdentityAssertion.type) == nil)
    for type in ["portcullis-assertion+jwt", "application/Portcullis-Assertion+JWT"] {
      #expect(IdentityAssertion.isType(type))
    }
    for type in ["at+jwt", "assertion+jwt", "x/portcullis-assertion+jwt", ""] {
      #expect(!IdentityAssertion.isType(type))
    }
  }
}
