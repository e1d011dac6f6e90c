import HTTP
import Reason
import Telemetry
import Testing
import Tokens

@testable import Keys
@testable import Proxy

@Suite("Tokens are counted where they are verified")
struct CensusTests {
  /// A gateway that counts.
  private static func gateway() throws -> DecidingGateway {
    try DecidingGateway(countsTokens: true)
  }

  private static func counts(_ gateway: DecidingGateway) -> TokenCounts {
    gateway.context.census.kinds.reduce(into: TokenCounts()) { $0.add($1.counts) }
  }

  @Test("A token counts with each request, verified anew or not, allowed or not, by where it stood")
  func counted() throws {
    let gateway = try Self.gateway()
    let token = try Issuer.token("\"iat\":\(Issuer.now - 70)")
    for line in ["Authorization: Bearer ", "Authorization: Bearer ", "Cookie: session="] {
      _ = try gateway.forwarded("GET /R", line + token)
    }
    #expect(try gateway.decide("GET /admin/x", "Authorization: Bearer \(token)") == .refused(.roleMissing))
    let counts = Self.counts(gateway)
    #expect((counts.use.count, counts.use(in: .bearer).count, counts.use(in: .cookie).count) == (4, 3, 1))
    #expect((counts.use.first, counts.use.last, counts.use.lastExpiry) == (Issuer.now, Issuer.now, Issuer.now + 60))
    #expect((counts.ages.count(of: 1), counts.remains.count(of: 0)) == (4, 4))
    let kinds = gateway.context.census.kinds
    let kind = try #require(kinds.first?.kind)
    #expect(kinds.count == 1 && kind.provider == "company" && kind.algorithm == .eddsa && kind.audience == "orders")
    #expect(try kind.key == Issuer.keySet().keys[0].keyID && kind.namesKey && kind.saysType)
  }

  @Test("K-3: what is not verified counts nothing, whatever it names")
  func unverified() throws {
    let gateway = try Self.gateway()
    let forged = String(try Issuer.token().dropLast(8)) + "AAAAAAAA"
    for token in [try Issuer.strangersToken(), forged, "x.y.z", try Issuer.token(expiresAt: Issuer.now - 100)] {
      guard case .refused = try gateway.decide("GET /R", "Authorization: Bearer \(token)") else {
        Issue.record("let in: \(token)")
        continue
      }
    }
    _ = try gateway.forwarded("GET /optional")
    #expect(gateway.context.census.kinds.isEmpty)
  }

  @Test("A reload empties the memory of tokens, and what was counted of them goes on")
  func reloaded() throws {
    let gateway = try Self.gateway()
    let line = "Authorization: Bearer \(try Issuer.token())"
    _ = try gateway.forwarded("GET /R", line)
    gateway.context.active = gateway.context.active
    _ = try gateway.forwarded("GET /R", line)
    #expect(Self.counts(gateway).use.count == 2 && gateway.context.census.kinds.count == 1)
  }
}
