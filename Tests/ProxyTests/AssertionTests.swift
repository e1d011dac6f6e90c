import Crypto
import JSON
import Reason
import Sockets
import Testing
import Tokens

@testable import Keys
@testable import Proxy

@Suite("Assertions of routes")
struct AssertionTests {
  private static let routes = """
      - { name: told, path: /told, auth: company, anonymous: allow, upstream: echo,
          assertion: { audience: orders, lifetime: 60s, header: X-Told } }
      - { name: short, path: /short, auth: company, upstream: echo,
          assertion: { audience: orders, lifetime: 10s, provider: own } }
      - { name: plain, path: /plain, auth: company, upstream: echo }
    """
  private static let own = """
      own: { issuer: "https://own.example", audiences: [orders], signing: { state: /nowhere/keys } }
    """
  private let gateway: DecidingGateway
  private let keys: [IssuerKey]

  init() throws {
    gateway = try DecidingGateway(routes: Self.routes, providers: Self.own)
    keys = try (0..<2).map { _ in try IssuerKey(try SigningKey.generate(.ellipticCurve(.p256)), algorithm: .es256) }
    sign(with: keys[0], generation: 7)
  }

  /// From now on the provider `own` signs with it.
  private func sign(with key: IssuerKey, generation: UInt64) {
    let company = gateway.context.keys.providers[0]
    var own = company
    (own.keySet, own.generation, own.signer) = (KeySet([key]), generation, key)
    gateway.context.keys = KeySnapshot(providers: [company, company, own])
  }

  private func pass(seconds: Int64) { gateway.context.wallClockNanoseconds += seconds * 1_000_000_000 }

  /// The one assertion that goes upstream.
  private func told(_ path: String, _ token: String, _ header: String = "X-Portcullis-Assertion") throws -> String {
    let values = try gateway.forwarded("GET \(path)", "Authorization: Bearer \(token)").values(header)
    try #require(values.count == 1)
    return values[0]
  }

  private func claim(_ name: String, of token: String) throws -> JSONValue? {
    let part = try #require(token.split(separator: ".").dropFirst().first)
    let text = try #require(Base64URL.decode(String(part)))
    return try JSON.parse(text.span).object?[name]
  }

  @Test("One is signed for each token and route, and sent again until half of its life is over")
  func remembered() throws {
    let token = try Issuer.token(#""sub":"alice""#, expiresAt: Issuer.now + 600)
    let first = try told("/told", token, "X-Told")
    pass(seconds: 29)
    #expect(try told("/told", token, "X-Told") == first)
    #expect(try told("/short", token) != first)
    pass(seconds: 1)
    let second = try told("/told", token, "X-Told")
    #expect(second != first)
    #expect(try claim("exp", of: second) == .integer(Issuer.now + 90))
    #expect(try claim("jti", of: second) != claim("jti", of: first))
    #expect(try claim("route", of: second) == .string("told"))
    let other = try Issuer.token(#""sub":"bob""#, expiresAt: Issuer.now + 600)
    #expect(try claim("sub", of: told("/told", other, "X-Told")) == .string("bob"))
  }

  @Test("With another key that signs, another one is signed at once")
  func anotherKey() throws {
    let token = try Issuer.token(#""sub":"alice""#, expiresAt: Issuer.now + 600)
    let first = try told("/told", token, "X-Told")
    sign(with: keys[1], generation: 8)
    let second = try told("/told", token, "X-Told")
    #expect(second != first)
    let policy = TokenPolicy(
      provider: "own", issuer: "https://own.example", audiences: .oneOf(["orders"]), type: IdentityAssertion.type)
    let verified = try TokenVerifier(policy).verify(
      Array(second.utf8).span, keys: KeySet([keys[1]]), now: Issuer.now, using: SignatureVerifier())
    #expect(verified.claims.subject == "alice" && verified.keyID == keys[1].keyID)
  }

  @Test("It ends with the token that it is about")
  func ends() throws {
    let token = try Issuer.token(#""sub":"alice""#, expiresAt: Issuer.now + 10)
    #expect(try claim("exp", of: told("/told", token, "X-Told")) == .integer(Issuer.now + 10))
    // The provider's leeway is 30 s: until then the token passes, and there is no other end.
    pass(seconds: 10)
    #expect(try claim("exp", of: told("/told", token, "X-Told")) == .integer(Issuer.now + 40))
    pass(seconds: 29)
    let last = try told("/told", token, "X-Told")
    #expect(try claim("iat", of: last) == .integer(Issuer.now + 39))
    #expect(try claim("exp", of: last) == .integer(Issuer.now + 40))
    #expect(try told("/told", token, "X-Told") == last)
  }

  @Test("I-1: of nobody nothing is told, and a client's own never passes")
  func nobody() throws {
    let lines = ["X-Told: root", "x_told: root", "X.Portcullis.Assertion: root", "X-PORTCULLIS-ASSERTION: root"]
    let nobody = try gateway.forwarded("GET /told", lines[0], lines[1], lines[2], lines[3])
    #expect(!nobody.text.contains("root") && nobody.values("X-Told").isEmpty)
    let token = try Issuer.token(#""sub":"alice""#)
    let plain = try gateway.forwarded("GET /plain", "Authorization: Bearer \(token)", lines[0], lines[2])
    #expect(!plain.text.contains("root") && plain.values("X-Told").isEmpty)
  }

  @Test("What cannot be signed does not pass untold")
  func unsigned() throws {
    let company = gateway.context.keys.providers[0]
    gateway.context.keys = KeySnapshot(providers: [company, company, company])
    let token = try Issuer.token(#""sub":"alice""#)
    #expect(try gateway.decide("GET /told", "Authorization: Bearer \(token)").reason == .internalError)
  }

  @Test("They are held beside their token, and go with it")
  func held() throws {
    let token = try Issuer.token(#""sub":"alice""#, expiresAt: Issuer.now + 60)
    _ = try gateway.forwarded("GET /plain", "Authorization: Bearer \(token)")
    let before = gateway.context.tokens.bytesHeld
    let told = try told("/told", token, "X-Told")
    #expect(gateway.context.tokens.bytesHeld == before + "X-Told: \r\n".utf8.count + told.utf8.count)
    pass(seconds: 90)
    #expect(try gateway.decide("GET /told", "Authorization: Bearer \(token)").reason == .tokenExpired)
    #expect(gateway.context.tokens.bytesHeld == 0)
  }
}
