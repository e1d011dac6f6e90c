import Reason
import Testing
import Tokens

@testable import Proxy

@Suite("Revoked tokens")
struct RevocationTests {
  private static func snapshot(
    _ kind: Revocations.Kind? = nil, _ value: String = "", provider: String? = nil, generation: UInt64
  ) -> RevocationSnapshot {
    var revocations = Revocations()
    if let kind { revocations.insert(kind, value.utf8Span.span, provider: provider) }
    return RevocationSnapshot(revocations, generation: generation)
  }

  @Test("T-16: a token that was found good is refused once it is revoked, forgotten, and good again afterwards")
  func remembered() throws {
    let gateway = try DecidingGateway()
    let line = "Authorization: Bearer \(try Issuer.token("\"sub\":\"alice\",\"jti\":\"j1\""))"
    let other = "Authorization: Bearer \(try Issuer.token("\"sub\":\"alice\",\"jti\":\"j2\""))"
    for line in [line, other] { #expect(try gateway.decide("GET /R", line).reason == nil) }
    #expect(gateway.context.tokens.count == 2)
    gateway.context.revocations = Self.snapshot(.tokenID, "j1", generation: 1)
    for _ in 0..<2 { #expect(try gateway.decide("GET /R", line) == .refused(.tokenRevoked)) }
    #expect(gateway.challenge == "Bearer error=\"invalid_token\"")
    #expect(gateway.context.tokens.count == 1)
    for _ in 0..<2 { #expect(try gateway.decide("GET /R", other).reason == nil) }
    gateway.context.revocations = Self.snapshot(.subject, "alice", generation: 2)
    #expect(try gateway.decide("GET /R", other) == .refused(.tokenRevoked))
    #expect(gateway.context.tokens.count == 0)
    gateway.context.revocations = Self.snapshot(generation: 3)
    for line in [line, other] { #expect(try gateway.decide("GET /R", line).reason == nil) }
    #expect(gateway.context.tokens.count == 2)
  }

  @Test("T-16: a token that was found good under one generation is not looked for again under it")
  func generations() throws {
    let gateway = try DecidingGateway()
    let line = "Authorization: Bearer \(try Issuer.token("\"jti\":\"j1\""))"
    gateway.context.revocations = Self.snapshot(generation: 1)
    #expect(try gateway.decide("GET /R", line).reason == nil)
    // Other revocations never have the same generation: here they do, to see that they are not asked.
    gateway.context.revocations = Self.snapshot(.tokenID, "j1", generation: 1)
    #expect(try gateway.decide("GET /R", line).reason == nil)
    gateway.context.revocations = Self.snapshot(.tokenID, "j2", generation: 2)
    #expect(try gateway.decide("GET /R", line).reason == nil)
    gateway.context.revocations = Self.snapshot(.tokenID, "j1", generation: 2)
    #expect(try gateway.decide("GET /R", line).reason == nil)
    gateway.context.revocations = Self.snapshot(.tokenID, "j1", generation: 3)
    #expect(try gateway.decide("GET /R", line) == .refused(.tokenRevoked))
  }

  @Test("A revocation is looked at behind everything else of the token, and before the rights")
  func order() throws {
    let gateway = try DecidingGateway()
    gateway.context.revocations = Self.snapshot(.tokenID, "j1", generation: 1)
    for (token, reason) in [
      (try Issuer.token("\"jti\":\"j1\""), Reason.tokenRevoked),
      (try Issuer.token("\"jti\":\"j1\"", issuer: "https://evil.example"), .issuerUnknown),
      (try Issuer.token("\"jti\":\"j1\"", expiresAt: Issuer.now - 60), .tokenExpired),
      (String(try Issuer.token("\"jti\":\"j1\"").dropLast(6)) + "AAAAAA", .signatureInvalid),
    ] {
      #expect(try gateway.decide("GET /R", "Authorization: Bearer \(token)") == .refused(reason))
      #expect(try gateway.decide("GET /admin/a", "Authorization: Bearer \(token)") == .refused(reason))
    }
    #expect(gateway.context.tokens.count == 0)
  }

  @Test("T-15: a revoked token is a bad one where a token is optional, in a cookie too")
  func optional() throws {
    let gateway = try DecidingGateway()
    gateway.context.revocations = Self.snapshot(.subject, "alice", generation: 1)
    let token = try Issuer.token("\"sub\":\"alice\"")
    #expect(try gateway.decide("GET /optional", "Authorization: Bearer \(token)") == .refused(.tokenRevoked))
    #expect(try gateway.decide("GET /optional", "Cookie: session=\(token)") == .refused(.tokenRevoked))
    #expect(try gateway.decide("GET /optional").reason == nil)
  }

  @Test("I-9: an entry of one provider is not another's")
  func providers() throws {
    let gateway = try DecidingGateway()
    gateway.context.revocations = Self.snapshot(.subject, "alice", provider: "other", generation: 1)
    let own = try Issuer.token("\"sub\":\"alice\"")
    let other = try Issuer.token("\"sub\":\"alice\"", issuer: "https://other.example")
    #expect(try gateway.decide("GET /both", "Authorization: Bearer \(own)").reason == nil)
    #expect(try gateway.decide("GET /both", "Authorization: Bearer \(other)") == .refused(.tokenRevoked))
    gateway.context.revocations = Self.snapshot(.subject, "alice", provider: "company", generation: 2)
    #expect(try gateway.decide("GET /both", "Authorization: Bearer \(own)") == .refused(.tokenRevoked))
    #expect(try gateway.decide("GET /both", "Authorization: Bearer \(other)").reason == nil)
  }
}
