import HTTP
import Reason
import Testing

@testable import Proxy

@Suite("Answers of the gateway's own")
struct LocalAnswerTests {
  @Test(
    "T-18, RFC 6750 §3.1: the client learns `invalid_token` or `insufficient_scope`, not why",
    arguments: Reason.allCases)
  func challenge(reason: Reason) {
    let refusal = Refusal(reason)
    switch reason.status {
    case 401 where reason == .credentialMissing: #expect(refusal.challenge == "Bearer")
    case 401: #expect(refusal.challenge == "Bearer error=\"invalid_token\"")
    case 403: #expect(refusal.challenge == "Bearer error=\"insufficient_scope\"")
    default: #expect(refusal.challenge == nil)
    }
    let response = LocalAnswer.response(to: refusal, requestID: RequestID(high: 1, low: 2), prefersHTML: false)
    #expect(response.status == reason.status)
    #expect(!String(decoding: response.body, as: UTF8.self).contains(reason.rawValue))
    #expect(response.fields.contains { $0.name == "Retry-After" } == (reason.status == 503))
    #expect(response.fields.contains { $0.name == "Allow" } == (reason.status == 405))
    #expect(response.fields.contains { $0 == ("Cache-Control", "no-store") })
  }

  @Test("T-18: all bad tokens read the same but for the request's id")
  func sameBytes() {
    let bad = Reason.allCases.filter { $0.status == 401 && $0 != .credentialMissing }
    #expect(bad.count > 15)
    let answers = Set(bad.map { reason in text(to: reason, .get) })
    #expect(answers.count == 1)
  }

  private func text(
    to reason: Reason, _ method: Method, _ connection: Refusal.ConnectionFate = .kept, _ version: HTTPVersion = .http11
  ) -> String {
    let requestID = RequestID(high: 0, low: 0xF)
    let response = LocalAnswer.response(to: Refusal(reason), requestID: requestID, prefersHTML: false)
    let bytes = LocalAnswer.bytes(
      response, answering: method, connection: connection, version: version, requestID: requestID,
      date: Array("now".utf8))
    return String(decoding: bytes, as: UTF8.self)
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

  @Test("A page for a browser runs nothing")
  func page() {
    let response = LocalAnswer.response(to: Refusal(.noRoute), requestID: RequestID(), prefersHTML: true)
    #expect(response.fields.contains { $0 == ("Content-Type", "text/html; charset=utf-8") })
    #expect(
      response.fields.contains { $0 == ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'") })
    #expect(String(decoding: response.body, as: UTF8.self).hasPrefix("<!doctype html>"))
  }

  @Test("H-15: after a request whose end is not known the connection ends", arguments: Reason.allCases)
  func connection(reason: Reason) {
    let isKept = [401, 403, 404, 405, 499, 502, 503, 504].contains(reason.status)
    #expect(Refusal(reason).connection == (isKept ? .kept : .closed))
    #expect(Refusal(reason, connection: .closed).connection == .closed)
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
