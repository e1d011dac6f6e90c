import HTTP
import Reason
import Sockets
import Testing

import struct Access.Remedy

@testable import Proxy

@Suite("Answers of the gateway's own")
struct LocalResponseWriterTests {
  @Test(
    "T-18, RFC 6750 §3.1: the client learns `invalid_token` or `insufficient_scope`, not why",
    arguments: Reason.allCases)
  func challenge(reason: Reason) {
    let challenge = RefusalResponse(reason).challenge.map { String(decoding: $0, as: UTF8.self) }
    switch reason.status {
    case 401 where reason == .credentialMissing: #expect(challenge == "Bearer")
    case 401 where LocalResponseWriterTests.asksToSignInAnew(reason):
      #expect(challenge == "Bearer error=\"insufficient_user_authentication\"")
    case 401: #expect(challenge == "Bearer error=\"invalid_token\"")
    case 403
    where [.originRefused, .clientRefused, .fieldRefused].contains(reason)
      || reason.rawValue.hasPrefix("certificate_"):
      #expect(challenge == nil)
    case 403: #expect(challenge == "Bearer error=\"insufficient_scope\"")
    default: #expect(challenge == nil)
    }
    let response = text(to: reason, .get)
    #expect(response.hasPrefix("HTTP/1.1 \(reason.status) "))
    #expect(!response.contains(reason.rawValue))
    #expect(response.contains("\r\nRetry-After: ") == (reason.status == 503))
    #expect(response.contains("\r\nAllow: ") == (reason.status == 405))
    #expect(response.contains("\r\nCache-Control: no-store\r\n"))
    #expect(response.contains("\r\nWWW-Authenticate: \(challenge ?? "")\r\n") == (challenge != nil))
  }

  @Test("The body is as long as the head says, and the answer no longer than expected", arguments: Reason.allCases)
  func length(reason: Reason) throws {
    for format in ProblemBody.Format.allCases {
      let response = text(to: reason, .get, as: format)
      let parts = response.split(separator: "\r\n\r\n", maxSplits: 1)
      #expect(parts[0].contains("\r\nContent-Length: \(parts[1].utf8.count)"))
      #expect(response.utf8.count <= LocalResponseWriter.bytesMax(RefusalResponse(reason)))
    }
  }

  @Test("RFC 6750 §3: the scopes that the token lacks are named")
  func scopes() {
    var remedy = Remedy.none
    remedy.scopes = ["a", "b:c"]
    let challenge = Challenges(.bearer).challenge(.scopeMissing, remedy)
    #expect(
      challenge.map { String(decoding: $0, as: UTF8.self) } == "Bearer error=\"insufficient_scope\", scope=\"a b:c\"")
  }

  @Test("RFC 9470 §3: another authentication is asked for in the words that an authorization server takes")
  func stepUp() {
    var remedy = Remedy.none
    remedy.scopes = ["a"]
    remedy.contextClasses = ["urn:mace:incommon:iap:silver", "gold"]
    remedy.authenticationAge = 900
    let parameters =
      "error=\"insufficient_user_authentication\", acr_values=\"urn:mace:incommon:iap:silver gold\", max_age=\"900\""
    for reason in Reason.allCases where LocalResponseWriterTests.asksToSignInAnew(reason) {
      let challenge = Challenges([.bearer, .dpop]).challenge(reason, remedy)
      #expect(
        challenge.map { String(decoding: $0, as: UTF8.self) }?.hasPrefix(
          "Bearer \(parameters), DPoP \(parameters), algs=") == true)
    }
  }

  private static func asksToSignInAnew(_ reason: Reason) -> Bool {
    reason == .acrInsufficient || reason == .authenticationTooOld
  }

  @Test("T-18: all bad tokens read the same but for the request's id")
  func sameBytes() {
    let bad = Reason.allCases.filter {
      $0.status == 401 && $0 != .credentialMissing && !LocalResponseWriterTests.asksToSignInAnew($0)
    }
    #expect(bad.count > 15)
    let responses = Set(bad.map { reason in text(to: reason, .get) })
    #expect(responses.count == 1)
  }

  private func text(
    to reason: Reason, _ method: Method, _ connection: RefusalResponse.ConnectionFate = .kept,
    _ version: HTTPVersion = .http11, as format: ProblemBody.Format = .json
  ) -> String {
    let responseWriter = LocalResponseWriter(
      method: method, connection: connection, version: version, requestID: RequestID(high: 0, low: 0xF),
      date: Array("now".utf8))
    var writer = HeadWriter(Buffer(capacity: 4096))
    responseWriter.write(RefusalResponse(reason), as: format, to: &writer)
    return written(writer)
  }

  private func written(_ writer: consuming HeadWriter) -> String {
    writer.finish().withReadable { bytes in
      var text: [UInt8] = []
      for index in bytes.indices { text.append(bytes[index]) }
      return String(decoding: text, as: UTF8.self)
    }
  }

  @Test("A Responder's answer says how long it is, but for 204")
  func response() {
    let responseWriter = LocalResponseWriter(
      method: .get, connection: .kept, version: .http11, requestID: RequestID(high: 0, low: 0xF),
      date: Array("now".utf8))
    for (status, end) in [(200, "\r\nContent-Length: 2\r\n\r\nhi"), (204, "0f\r\n\r\n")] {
      let response = LocalResponse(
        status: status, fields: [("Content-Type", "text/plain")], body: status == 204 ? [] : Array("hi".utf8))
      var writer = HeadWriter(Buffer(capacity: LocalResponseWriter.bytesMax(response)))
      responseWriter.write(response, to: &writer)
      let text = written(writer)
      #expect(text.hasPrefix("HTTP/1.1 \(status) "))
      #expect(text.contains("\r\nContent-Type: text/plain\r\nX-Request-Id: ") && text.hasSuffix(end))
    }
  }

  @Test("A whole answer; none of its body to HEAD")
  func whole() {
    let head =
      "HTTP/1.1 503 Service Unavailable\r\nDate: now\r\nContent-Type: application/problem+json\r\n"
      + "Cache-Control: no-store\r\nRetry-After: 5\r\nX-Request-Id: 0000000000000000000000000000000f\r\n"
      + "Content-Length: 93\r\n"
    let body =
      "{\"title\":\"Service Unavailable\",\"status\":503,\"request_id\":\"0000000000000000000000000000000f\"}\n"
    #expect(text(to: .keysUnavailable, .get) == head + "\r\n" + body)
    #expect(text(to: .keysUnavailable, .head) == head + "\r\n")
    #expect(text(to: .keysUnavailable, .get, .closed) == head + "Connection: close\r\n\r\n" + body)
    #expect(text(to: .keysUnavailable, .get, .kept, .http10) == head + "Connection: keep-alive\r\n\r\n" + body)
  }

  @Test("A limit that is reached says which it is, and when it lets the next request pass")
  func exceeded() {
    var refusal = RefusalResponse(.rateLimited)
    refusal.exceeded = .init(policy: Array("RateLimit: \"default\";r=0;t=".utf8), seconds: 7)
    let responseWriter = LocalResponseWriter(
      method: .head, connection: .kept, version: .http11, requestID: RequestID(high: 0, low: 0xF),
      date: Array("now".utf8), ownFields: Array("Vary: Origin\r\n".utf8))
    var writer = HeadWriter(Buffer(capacity: 4096))
    responseWriter.write(refusal, as: .json, to: &writer)
    #expect(
      written(writer)
        == "HTTP/1.1 429 Too Many Requests\r\nDate: now\r\nContent-Type: application/problem+json\r\n"
        + "Cache-Control: no-store\r\nRetry-After: 7\r\nRateLimit: \"default\";r=0;t=7\r\nVary: Origin\r\n"
        + "X-Request-Id: 0000000000000000000000000000000f\r\nContent-Length: 91\r\n\r\n")
  }

  @Test("A page for a browser runs nothing")
  func page() {
    let response = text(to: .noRoute, .get, as: .html)
    #expect(response.contains("\r\nContent-Type: text/html; charset=utf-8\r\n"))
    #expect(
      response.contains("\r\nContent-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\nCache-Control: ")
    )
    #expect(response.contains("\r\n\r\n<!doctype html>"))
  }

  @Test("H-15: after a request whose end is not known the connection ends", arguments: Reason.allCases)
  func connection(reason: Reason) {
    let isKept = [401, 403, 404, 405, 421, 429, 499, 502, 503, 504, 508].contains(reason.status)
    #expect(RefusalResponse(reason).connection == (isKept ? .kept : .closed))
    #expect(RefusalResponse(reason, connection: .closed).connection == .closed)
  }

  @Test("Request ids are 32 digits, and none comes twice")
  func requestIDs() {
    #expect(RequestID(high: 0xFEDC_BA98_7654_3210, low: 0xA).text == "fedcba9876543210000000000000000a")
    var source = RequestIDSource()
    var seen: Set<String> = []
    for _ in 0..<10_000 { seen.insert(source.next().text) }
    #expect(seen.count == 10_000)
    #expect(seen.allSatisfy { $0.count == 32 })
    var other = RequestIDSource()
    #expect(!seen.contains(other.next().text))
  }
}
