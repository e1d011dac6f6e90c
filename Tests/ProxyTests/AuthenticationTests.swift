import HTTP
import Reason
import Sockets
import Testing

@testable import Keys
@testable import Proxy

@Suite("Authentication")
struct AuthenticationTests {
  @Test("A good token passes, in Authorization in any case of the scheme or in the cookie")
  func good() throws {
    let gateway = try DecidingGateway()
    let token = try Issuer.token()
    for line in [
      "Authorization: Bearer ", "authorization: bearer ", "Authorization: BEARER   ", "Cookie: a=b; session=",
    ] {
      #expect(try gateway.decide("GET /R", line + token).reason == nil, "\(line)")
      #expect(gateway.exchange.state == .waitingForUpstream)
    }
  }

  struct Row: Sendable, CustomTestStringConvertible {
    let lines: [String]
    let reason: Reason
    var testDescription: String { "\(lines): \(reason.rawValue)" }
  }

  @Test(
    "T-14: one Authorization line; a bad Bearer token is not made good by a cookie",
    arguments: [
      Row(lines: [], reason: .credentialMissing), Row(lines: ["Authorization: Basic YTpi"], reason: .credentialMissing),
      Row(lines: ["Authorization: BearerX x"], reason: .credentialMissing),
      Row(lines: ["Authorization: Bearer x"], reason: .tokenMalformed),
      Row(lines: ["Authorization: Bearer x", "Cookie: session=GOOD"], reason: .tokenMalformed),
      Row(lines: ["Authorization: Bearer", "Cookie: session=GOOD"], reason: .tokenMalformed),
      Row(lines: ["Authorization: Bearer \t", "Cookie: session=GOOD"], reason: .tokenMalformed),
      Row(lines: ["Authorization: Bearer\tGOOD", "Cookie: session=GOOD"], reason: .tokenMalformed),
      Row(lines: ["Authorization: Bearer GOOD, Bearer GOOD"], reason: .tokenEncrypted),
      Row(lines: ["Authorization: Bearer GOOD ", "Authorization: Bearer GOOD"], reason: .credentialRepeated),
      Row(lines: ["Authorization: Basic x", "Authorization: Bearer GOOD"], reason: .credentialRepeated),
      Row(lines: ["Cookie: session=x"], reason: .tokenMalformed),
      Row(lines: ["Cookie: session="], reason: .tokenMalformed),
      Row(lines: ["Cookie: Session=GOOD"], reason: .credentialMissing),
      Row(lines: ["Cookie: session=\"GOOD\""], reason: .tokenMalformed),
      Row(lines: ["Cookie: session=GOOD; session=GOOD"], reason: .cookieRepeated),
      Row(lines: ["X-Authorization: Bearer GOOD"], reason: .credentialMissing),
    ])
  func credentials(_ row: Row) throws {
    let token = try Issuer.token()
    let lines = row.lines.map { $0.replacing("GOOD", with: token) + "\r\n" }.joined()
    let gateway = try DecidingGateway()
    #expect(try gateway.send("GET /R HTTP/1.1\r\nHost: a.example\r\n\(lines)\r\n") == .refused(row.reason))
  }

  @Test(
    "T-14: Bearer goes before cookies, whatever is written first, and whichever provider reads it",
    arguments: ["\"cookie:session\", authorization", "\"cookie:session\""])
  func bearerFirst(tokenFrom: String) throws {
    let gateway = try DecidingGateway(tokenFrom: tokenFrom)
    let cookie = "Cookie: session=\(try Issuer.token())"
    _ = try gateway.forwarded("GET /both", cookie)
    #expect(try gateway.decide("GET /both", "Authorization: Bearer x", cookie) == .refused(.tokenMalformed))
  }

  @Test("T-14: a token in the query or in a form is none")
  func elsewhere() throws {
    let token = try Issuer.token()
    #expect(try DecidingGateway().decide("GET /R?access_token=\(token)") == .refused(.credentialMissing))
  }

  @Test("T-14: another scheme is not a token: the cookie is tried, and it passes")
  func otherScheme() throws {
    let head = try DecidingGateway().forwarded(
      "GET /R", "Authorization: Basic YTpi", "Cookie: a=b; session=\(try Issuer.token()); c=d")
    #expect(head.values("Authorization") == ["Basic YTpi"])
    #expect(head.values("Cookie") == ["a=b; c=d"])
  }

  @Test("T-15: where a token is optional, none passes and a bad one does not")
  func optional() throws {
    let gateway = try DecidingGateway()
    let anonymous = try gateway.forwarded("GET /optional")
    #expect(anonymous.values("X-Forwarded-User").isEmpty)
    let known = try gateway.forwarded("GET /optional", "Authorization: Bearer \(try Issuer.token("\"sub\":\"alice\""))")
    #expect(known.values("X-Forwarded-User") == ["alice"])
    #expect(try gateway.decide("GET /optional", "Authorization: Bearer x") == .refused(.tokenMalformed))
    let foreign = try Issuer.token(issuer: "https://evil.example")
    #expect(try gateway.decide("GET /optional", "Authorization: Bearer \(foreign)") == .refused(.issuerUnknown))
    #expect(try gateway.decide("GET /optional", "Cookie: session=x") == .refused(.tokenMalformed))
  }

  @Test("Garbage is refused before keys are looked for; without keys the rest waits for them, or is told to come again")
  func order() throws {
    let without = try DecidingGateway(keys: .absent)
    #expect(try without.decide("GET /R") == .refused(.credentialMissing))
    #expect(try without.decide("GET /R", "Authorization: Bearer x") == .refused(.tokenMalformed))
    #expect(try without.decide("GET /R", "Authorization: Bearer \(try Issuer.token())") == .refused(.keysUnavailable))
    #expect(try without.decide("GET /optional").reason == nil)
    let coming = try DecidingGateway(keys: .coming)
    #expect(try coming.decide("GET /R", "Authorization: Bearer x") == .refused(.tokenMalformed))
    #expect(try coming.decide("GET /R", "Authorization: Bearer \(try Issuer.token())") == .waiting(provider: 0))
  }

  @Test("K-3: an unknown key is worth one wait where a fetch is allowed, and none where not")
  func unknownKey() throws {
    let gateway = try DecidingGateway()
    let line = "Authorization: Bearer \(try Issuer.strangersToken())"
    #expect(try gateway.decide("GET /R", line) == .refused(.keyUnknown))
    gateway.context.keys.providers[0].refetchAllowedAt = gateway.context.now
    #expect(try gateway.decide("GET /R", line) == .waiting(provider: 0))
    #expect(gateway.exchange.state == .waitingForKeys(provider: 0, answers: 0))
    // Decided again: it does not wait a second time.
    let bytes = Array("GET /R HTTP/1.1\r\nHost: a.example\r\n\(line)\r\n\r\n".utf8)
    #expect(gateway.decideAgain(bytes) == .refused(.keyUnknown))
  }

  @Test("T-11: with several providers the issuer chooses")
  func severalProviders() throws {
    let gateway = try DecidingGateway()
    for issuer in ["https://id.example", "https://other.example"] {
      let token = try Issuer.token("\"sub\":\"alice\"", issuer: issuer)
      #expect(try gateway.decide("GET /both", "Authorization: Bearer \(token)").reason == nil)
      // From the cache.
      #expect(try gateway.decide("GET /both", "Authorization: Bearer \(token)").reason == nil)
    }
    let foreign = try Issuer.token(issuer: "https://evil.example")
    #expect(try gateway.decide("GET /both", "Authorization: Bearer \(foreign)") == .refused(.issuerUnknown))
    let other = try Issuer.token(issuer: "https://other.example")
    #expect(try gateway.decide("GET /R", "Authorization: Bearer \(other)") == .refused(.issuerUnknown))
  }

  @Test("T-16: a token that is remembered dies with its time, its keys and its configuration")
  func remembered() throws {
    let gateway = try DecidingGateway()
    let line = "Authorization: Bearer \(try Issuer.token(expiresAt: Issuer.now + 60))"
    #expect(try gateway.decide("GET /R", line).reason == nil)
    #expect(gateway.context.tokens.count == 1)
    #expect(try gateway.decide("GET /R", line).reason == nil)
    gateway.context.wallClockNanoseconds = (Issuer.now + 60 + 30) * 1_000_000_000
    #expect(try gateway.decide("GET /R", line) == .refused(.tokenExpired))
    gateway.context.wallClockNanoseconds = Issuer.now * 1_000_000_000
    #expect(try gateway.decide("GET /R", line).reason == nil)
    gateway.context.keys.providers[0].generation = 2
    gateway.context.keys.providers[0].keySet = nil
    #expect(try gateway.decide("GET /R", line) == .refused(.keysUnavailable))
    gateway.context.active = ActiveConfiguration(
      gateway.context.active.configuration, generation: 2, responders: [])
    #expect(gateway.context.tokens.count == 0)
  }

  @Test("Rights are looked at last; the challenge names what scopes are needed (RFC 6750 §3)")
  func rights() throws {
    let gateway = try DecidingGateway()
    let token = try Issuer.token("\"roles\":[\"xadmin\"],\"scope\":\"a\"")
    #expect(try gateway.decide("GET /admin/a", "Authorization: Bearer \(token)") == .refused(.roleMissing))
    #expect(gateway.challenge == "Bearer error=\"insufficient_scope\"")
    #expect(try gateway.decide("GET /scoped", "Authorization: Bearer \(token)") == .refused(.scopeMissing))
    #expect(gateway.challenge == "Bearer error=\"insufficient_scope\", scope=\"a b\"")
    #expect(try gateway.decide("GET /admin/a", "Authorization: Bearer \(try Issuer.token())") == .refused(.roleMissing))
    let admin = try Issuer.token("\"roles\":[\"admin\"]")
    #expect(try gateway.decide("GET /admin/a", "Authorization: Bearer \(admin)").reason == nil)
    #expect(try gateway.decide("GET /admin/a", "Authorization: Bearer x") == .refused(.tokenMalformed))
    #expect(gateway.challenge == "Bearer error=\"invalid_token\"")
    #expect(try gateway.decide("GET /admin/a") == .refused(.credentialMissing))
    #expect(gateway.challenge == "Bearer")
  }
}
