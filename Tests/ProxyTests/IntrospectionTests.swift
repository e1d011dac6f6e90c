import Glibc
import Reason
import Sockets
import Telemetry
import TestSupport
import Testing

@testable import Keys
@testable import Proxy
@testable import Tokens

@Suite("Introspection")
struct IntrospectionTests {
  /// A gateway whose provider `company` introspects.
  private static func gateway(_ introspection: String = "", limits: String = "") throws -> DecidingGateway {
    let folder = try TemporaryFolder()
    let secret = try folder.write("secret", "secret")
    return try DecidingGateway(
      limits: limits,
      introspection: """
        introspection: { url: https://id.example/i, client_id: c, client_secret_file: \(secret)\(introspection) }
        """)
  }

  private static func head(_ token: String, _ target: String = "/R") -> String {
    "GET \(target) HTTP/1.1\r\nHost: a.example\r\nAuthorization: Bearer \(token)\r\n\r\n"
  }

  private static func active(_ members: String = "", cacheSeconds: Int64 = 30) throws -> IntrospectionResult {
    let policy = TokenPolicy(provider: "company", issuer: "https://id.example", audiences: .any)
    return .active(
      try IntrospectedToken(
        response: Array("{\"active\":true,\"sub\":\"alice\"\(members)}".utf8), policy, now: Issuer.now,
        cacheSeconds: cacheSeconds))
  }

  @Test("An opaque token waits for its issuer's word, and is then decided with it")
  func waits() throws {
    let gateway = try Self.gateway()
    #expect(try gateway.send(Self.head("opaque")) == .introspecting("opaque", provider: 0))
    #expect(gateway.exchange.state == .waitingForIntrospection(provider: 0))
    #expect(gateway.exchange.isUndecided)
    gateway.exchange.introspected(try Self.active())
    guard case .forwarded(let head) = gateway.decideAgain(Array(Self.head("opaque").utf8)) else {
      Issue.record("not forwarded")
      return
    }
    #expect(head.values("X-Forwarded-User") == ["alice"])
    #expect(head.values("Authorization").isEmpty)
    // Remembered now, also where the provider's keys change.
    gateway.context.keys.providers[0].generation += 1
    #expect(try gateway.send(Self.head("opaque")).reason == nil)
    #expect(gateway.context.tokens.count == 1)
    gateway.context.wallClockNanoseconds = (Issuer.now + 30) * 1_000_000_000
    #expect(try gateway.send(Self.head("opaque")) == .introspecting("opaque", provider: 0))
  }

  @Test("A rule refuses an introspected identity as any other")
  func rules() throws {
    let gateway = try Self.gateway()
    for (members, reason) in [(#","roles":["admin"]"#, nil), (#","roles":["x"]"#, Reason.roleMissing)] {
      _ = try gateway.send(Self.head("t\(members.utf8.count)", "/admin/x"))
      gateway.exchange.introspected(try Self.active(members))
      #expect(gateway.decideAgain(Array(Self.head("t\(members.utf8.count)", "/admin/x").utf8)).reason == reason)
    }
  }

  @Test("What an issuer may say, and what becomes of it")
  func refusals() throws {
    let rows: [(IntrospectionResult, Reason)] = [
      (.inactive, .tokenInactive), (.unavailable, .introspectionUnavailable),
      (.refused(TokenError(.claimMissing("aud"))), .claimMissing),
    ]
    for (result, reason) in rows {
      let gateway = try Self.gateway()
      _ = try gateway.send(Self.head("opaque", "/optional"))
      gateway.exchange.introspected(result)
      #expect(gateway.decideAgain(Array(Self.head("opaque", "/optional").utf8)) == .refused(reason))
      #expect(gateway.context.tokens.count == 0)
    }
  }

  @Test("Its wait is in the line, and the cache had no use")
  func record() throws {
    let gateway = try Self.gateway()
    _ = try gateway.send(Self.head("opaque"))
    gateway.context.now = gateway.context.now + .milliseconds(1500)
    gateway.exchange.introspected(try Self.active())
    _ = gateway.decideAgain(Array(Self.head("opaque").utf8))
    var record = AccessRecord()
    gateway.exchange.fill(&record, at: .current)
    #expect(record.provider == "company")
    #expect(record.subject == "alice")
    #expect(record.keyID == nil)
    #expect(record.cache == .miss)
    #expect((1_500_000..<3_000_000).contains(record.authenticationMicroseconds ?? 0))
  }

  @Test("A word for an earlier exchange, or under an earlier configuration, is not used")
  func stale() throws {
    let gateway = try Self.gateway()
    _ = try gateway.send(Self.head("opaque"))
    gateway.exchange.introspected(try Self.active())
    // The next exchange of the slot.
    #expect(try gateway.send(Self.head("another")) == .introspecting("another", provider: 0))
    gateway.exchange.introspected(try Self.active())
    gateway.exchange.reconsider()
    #expect(gateway.decideAgain(Array(Self.head("another").utf8)) == .introspecting("another", provider: 0))
  }

  @Test("A token that was refused a moment ago is refused without a question")
  func remembered() throws {
    let gateway = try Self.gateway()
    gateway.context.refusedTokens.insert(
      Array("bad".utf8).span, provider: 0, .tokenInactive, now: Issuer.now, seconds: 30)
    #expect(try gateway.send(Self.head("bad")) == .refused(.tokenInactive))
    gateway.context.wallClockNanoseconds = (Issuer.now + 10) * 1_000_000_000
    #expect(try gateway.send(Self.head("bad")) == .introspecting("bad", provider: 0))
  }

  @Test(
    "What can be no token is not asked about",
    arguments: [
      ("a b", Reason.tokenMalformed), ("a\"b", .tokenMalformed), ("", .tokenMalformed), ("x300", .tokenTooLarge),
    ])
  func noToken(token: String, reason: Reason) throws {
    let token = token == "x300" ? String(repeating: "x", count: 300) : token
    #expect(try Self.gateway(limits: "token: 256").send(Self.head(token)) == .refused(reason))
  }

  @Test("A JWT is verified here, and shown to nobody")
  func tokens() throws {
    let gateway = try Self.gateway()
    let token = try Issuer.token()
    #expect(try gateway.send(Self.head(token)).reason == nil)
    #expect(try gateway.send(Self.head("a.b.c")) == .refused(.tokenMalformed))
    #expect(try gateway.send(Self.head(Issuer.strangersToken())) == .refused(.keyUnknown))
  }

  @Test("Beside another provider, an opaque token is for the one that introspects, a JWT for the one it names")
  func severalProviders() throws {
    let gateway = try Self.gateway()
    #expect(try gateway.send(Self.head("opaque", "/both")) == .introspecting("opaque", provider: 0))
    #expect(try gateway.send(Self.head(Issuer.token(issuer: "https://other.example"), "/both")).reason == nil)
  }
}
