import HTTP
import Reason
import Sockets
import Telemetry
import Testing
import Tokens

@testable import Proxy

@Suite("What the access log is told")
struct ExchangeRecordTests {
  private func record(_ gateway: DecidingGateway) -> AccessRecord {
    var record = AccessRecord()
    gateway.exchange.fill(&record, at: gateway.context.now + .microseconds(7))
    return record
  }

  private func text(_ record: AccessRecord, _ range: ByteRange) -> String {
    String(decoding: record.text[range.lowerBound..<range.upperBound], as: UTF8.self)
  }

  @Test("A forwarded exchange: method, host, canonical path, route, and whose token it was")
  func forwarded() throws {
    let gateway = try DecidingGateway()
    let token = try Issuer.token("\"sub\":\"alice\"")
    for cache in [AccessRecord.Cache.miss, .hit] {
      _ = try gateway.forwarded("GET /%52?q=secret", "Authorization: Bearer \(token)")
      let record = record(gateway)
      #expect(text(record, record.method) == "GET")
      #expect(text(record, record.host) == "a.example")
      #expect(text(record, record.path) == "/R")
      #expect(record.route == "plain")
      #expect(record.provider == "company" && record.subject == "alice" && record.keyID != nil)
      #expect(record.cache == cache)
      #expect((record.authenticationMicroseconds != nil) == (cache == .miss))
      #expect(record.reason == nil)
      #expect(record.totalMicroseconds == 7)
      #expect(record.generation == 1)
      #expect(record.startedAtNanoseconds == Issuer.now * 1_000_000_000)
      #expect(record.requestIDLow == gateway.exchange.requestID.low)
    }
  }

  @Test("A refused exchange: its reason and status, and no more than was known")
  func refused() throws {
    let gateway = try DecidingGateway()
    #expect(try gateway.decide("GET /R", "Authorization: Bearer \(try Issuer.strangersToken())").reason != nil)
    let unknown = record(gateway)
    #expect(unknown.status == 401 && unknown.reason == .keyUnknown)
    #expect(unknown.provider == "company" && unknown.keyID != nil && unknown.subject == nil)
    #expect(unknown.cache == .miss)
    #expect(try gateway.decide("GET /nowhere") == .refused(.noRoute))
    let nowhere = record(gateway)
    #expect(nowhere.status == 404 && nowhere.route == nil && nowhere.provider == nil && nowhere.keyID == nil)
    #expect(nowhere.cache == nil && nowhere.authenticationMicroseconds == nil)
    #expect(try gateway.decide("GET /a/../b") == .refused(.pathDotSegment))
    #expect(record(gateway).path.isEmpty, "a path that has no canonical form is not logged")
  }

  @Test("Whose a refused token is, where its signature held; its sender does not count as known")
  func refusedSubject() throws {
    let gateway = try DecidingGateway()
    let alice = "\"sub\":\"alice\",\"jti\":\"j1\""
    let good = try Issuer.token(alice)
    for (token, reason, subject) in [
      (try Issuer.token(alice, expiresAt: Issuer.now - 60), Reason.tokenExpired, "alice"),
      (try Issuer.token("\"sub\":\"alice\",\"nbf\":\(Issuer.now + 600)"), .tokenNotYetValid, "alice"),
      (try Issuer.token("", expiresAt: Issuer.now - 60), .tokenExpired, nil),
      (try Issuer.token(alice, issuer: "https://evil.example"), .issuerUnknown, nil),
      (String(good.dropLast(6)) + "AAAAAA", .signatureInvalid, nil),
    ] as [(String, Reason, String?)] {
      #expect(try gateway.decide("GET /R", "Authorization: Bearer \(token)") == .refused(reason))
      #expect(record(gateway).subject == subject && !record(gateway).isVerified, "\(reason)")
    }
    // What one exchange was refused for is not said of the next.
    #expect(try gateway.decide("GET /R") == .refused(.credentialMissing))
    #expect(record(gateway).subject == nil)
    #expect(try gateway.decide("GET /R", "Authorization: Bearer \(good)").reason == nil)
    var revocations = Revocations()
    revocations.insert(.tokenID, "j1".utf8Span.span, provider: nil)
    gateway.context.revocations = RevocationSnapshot(revocations, generation: 1)
    // As it was known, and then as it is forgotten.
    for _ in 0..<2 {
      #expect(try gateway.decide("GET /R", "Authorization: Bearer \(good)") == .refused(.tokenRevoked))
      #expect(record(gateway).subject == "alice" && !record(gateway).isVerified)
      #expect(record(gateway).provider == "company" && record(gateway).keyID != nil)
    }
  }

  @Test("L-2: no token, cookie, password or query is among it", arguments: ["/R", "/pub/a", "/optional", "/nowhere"])
  func secrets(path: String) throws {
    let gateway = try DecidingGateway()
    let token = try Issuer.token("\"sub\":\"alice\"")
    for line in ["Authorization: Bearer \(token)", "Cookie: session=\(token); b=canary", "Authorization: Basic canary"]
    {
      _ = try gateway.decide("GET \(path)?canary=canary", line, "X-Canary: canary")
      let told = "\(record(gateway)) \(String(decoding: record(gateway).text, as: UTF8.self))"
      #expect(!told.contains("canary"), "\(line)")
      #expect(!told.contains(token.split(separator: ".")[2]), "\(line)")
    }
  }
}
