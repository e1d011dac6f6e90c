import HTTP
import Reason
import Testing

@testable import Proxy

@Suite("Forwarded heads")
struct ForwardedHeadTests {
  @Test("A head is built: our lines, then those that survive, then what only we may say")
  func whole() throws {
    let gateway = try DecidingGateway()
    let token = try Issuer.token("\"sub\":\"alice\",\"roles\":[\"a,b\",\"c\"],\"tenant\":\"acme\"")
    let head = try gateway.forwarded(
      "GET /%74enant?q=%41", "Accept:  */*  ", "X-Own: 1", "Authorization: Bearer \(token)", "X-Own: 2")
    let mark = try #require(head.values("CDN-Loop").first)
    let parent = RequestID(high: 0, low: gateway.exchange.requestID.low | 1).text.suffix(16)
    #expect(
      head.text == "GET /tenant?q=%41 HTTP/1.1\r\nHost: a.example\r\nAccept: */*\r\nX-Own: 1\r\nX-Own: 2\r\n"
        + "X-Forwarded-Proto: http\r\nX-Forwarded-Host: a.example\r\n"
        + "Forwarded: for=unknown;proto=http;host=\"a.example\"\r\nX-Request-Id: \(gateway.exchange.requestID.text)\r\n"
        + "traceparent: 00-\(gateway.exchange.requestID.text)-\(parent)-01\r\n"
        + "X-Forwarded-User: alice\r\nX-Forwarded-Groups: a%2Cb,c\r\nX-Tenant: acme\r\n"
        + "CDN-Loop: \(mark)\r\n\r\n")
  }

  @Test(
    "P-1, P-9, P-12: upstream sees the decided path, and the query byte for byte",
    arguments: [
      ("/pub/%52?%2e%2e/%zz?;\\", "/pub/R?%2e%2e/%zz?;\\"), ("/pub/%c3%a9", "/pub/%C3%A9"), ("/pub/?", "/pub/?"),
      ("/pub/100%25", "/pub/100%25"), ("/pub/%3f%23", "/pub/%3F%23"), ("http://a.example/pub/a?b", "/pub/a?b"),
      ("/kept/a%2fR", "/kept/a%2FR"), ("/kept//R;x", "/kept//R;x"), ("/kept/%5c%3b", "/kept/%5C%3B"),
    ])
  func target(sent: String, seen: String) throws {
    let head = try DecidingGateway().forwarded("GET \(sent)")
    #expect(head.requestLine == "GET \(seen) HTTP/1.1")
  }

  @Test("RFC 9112 §3.2.4: `*` stays `*`; an absolute form without a path is `/`; HTTP/1.0 becomes 1.1")
  func otherForms() throws {
    let gateway = try DecidingGateway(routes: "  - { path: /, auth: none, upstream: echo }\n")
    #expect(try gateway.forwarded("OPTIONS *").requestLine == "OPTIONS * HTTP/1.1")
    #expect(try gateway.forwarded("OPTIONS http://a.example").requestLine == "OPTIONS * HTTP/1.1")
    #expect(try gateway.forwarded("OPTIONS http://a.example/").requestLine == "OPTIONS / HTTP/1.1")
    #expect(try gateway.forwarded("GET http://a.example?x").requestLine == "GET /?x HTTP/1.1")
    guard case .forwarded(let head) = try gateway.send("GET / HTTP/1.0\r\nHost: a.example:81\r\n\r\n") else {
      Issue.record("not forwarded")
      return
    }
    #expect(head.requestLine == "GET / HTTP/1.1")
    #expect(head.values("Host") == ["a.example:81"])
  }

  static let identityNames = [
    "X-Forwarded-User", "x-forwarded-groups", "X-FORWARDED-Email", "X-Forwarded-Preferred-Username", "X-Tenant",
    "x-tenant", "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port",
    "X-Forwarded-Server", "X-Forwarded-Whatever", "X-Real-IP", "X-Client-IP", "X-Request-Id",
  ]

  @Test(
    "I-1: what only the gateway may say is removed on every route", arguments: identityNames, ["/pub/a", "/optional"])
  func removed(name: String, path: String) throws {
    let head = try DecidingGateway().forwarded("GET \(path)", "\(name): evil", "X-Other: kept")
    #expect(!head.text.contains("evil"))
    #expect(head.values("X-Other") == ["kept"])
  }

  @Test("I-1: a claim that is absent leaves the client's line removed")
  func absentClaim() throws {
    let head = try DecidingGateway().forwarded(
      "GET /tenant", "X-Tenant: evil", "X-Forwarded-User: root", "Authorization: Bearer \(try Issuer.token())")
    #expect(head.values("X-Tenant").isEmpty && head.values("X-Forwarded-User").isEmpty)
  }

  @Test(
    "I-2: other spellings are removed too",
    arguments: [
      "X_Forwarded_User", "X.Forwarded.User", "X-Forwarded_Groups", "x_tenant", "X!Tenant", "X~Real~IP",
      "X_Forwarded_For",
      "Content_Length", "Transfer_Encoding", "Proxy_Authorization", "X_Original_URL", "X_HTTP_Method_Override",
    ])
  func spellings(name: String) throws {
    let head = try DecidingGateway().forwarded("GET /pub/a", "\(name): evil", "X-Tenants: kept")
    #expect(!head.text.contains("evil"))
    #expect(head.values("X-Tenants") == ["kept"])
  }

  @Test("I-3, RFC 9110 §7.6.1: what Connection names ends here, but cookies, credentials and our own lines arrive")
  func connectionOptions() throws {
    let gateway = try DecidingGateway()
    let head = try gateway.forwarded(
      "GET /optional", "Connection: X-Forwarded-User, Cookie ,authorization,\tX-Hop,close,Host", "X-hop: 1", "Close: 1",
      "Connection: clone, kind-level", "Clone: 1", "Kind-Level: 1", "Cookie: a=b", "Authorization: Basic YTpi",
      "X-Forwarded-User: evil", "X-Request-Id: evil", "X-Hop2: kept")
    #expect(head.values("Cookie") == ["a=b"])
    #expect(head.values("Authorization") == ["Basic YTpi"])
    #expect(head.values("X-Hop2") == ["kept"])
    #expect(head.values("X-Request-Id") == [gateway.exchange.requestID.text])
    for name in ["X-Hop", "Close", "Clone", "Kind-Level", "Connection"] {
      #expect(head.values(name).isEmpty, "\(name)")
    }
    let token = try Issuer.token("\"sub\":\"alice\"")
    let known = try gateway.forwarded(
      "GET /R", "Connection: X-Forwarded-User, X-Forwarded-Proto", "Authorization: Bearer \(token)")
    #expect(known.values("X-Forwarded-User") == ["alice"])
    #expect(known.values("X-Forwarded-Proto") == ["http"])
  }

  @Test(
    "RFC 9110 §7.6.1: hop-by-hop fields are never forwarded",
    arguments: [
      "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Upgrade", "Proxy-Authorization", "Proxy-Authenticate",
      "HTTP2-Settings",
    ])
  func hopByHop(name: String) throws {
    let head = try DecidingGateway().forwarded("GET /pub/a", "\(name): evil")
    #expect(!head.text.contains("evil"))
  }

  @Test("H-16: Expect is answered here and never forwarded")
  func expect() throws {
    let gateway = try DecidingGateway()
    let head = try gateway.forwarded("POST /pub/a", "Expect: 100-continue", "Content-Length: 3")
    #expect(head.values("Expect").isEmpty)
    #expect(gateway.exchange.request.expectsContinue)
  }

  @Test("I-6: the credential that was used is removed, unless the route forwards it")
  func credential() throws {
    let gateway = try DecidingGateway()
    let token = try Issuer.token()
    #expect(try gateway.forwarded("GET /R", "Authorization: Bearer \(token)").values("Authorization").isEmpty)
    #expect(try gateway.forwarded("GET /R", "Cookie: session=\(token)").values("Cookie").isEmpty)
    let cookies = try gateway.forwarded("GET /R", "Cookie: a=b; session=\(token);c=\"d;e\"")
    #expect(cookies.values("Cookie") == ["a=b; c=\"d; e\""])
    let forwarding = try gateway.forwarded("GET /forwarding", "Authorization: Bearer \(token)")
    #expect(forwarding.values("Authorization") == ["Bearer \(token)"])
    let forwardedCookie = try gateway.forwarded("GET /forwarding", "Cookie: a=b;session=\(token)")
    #expect(forwardedCookie.values("Cookie") == ["a=b; session=\(token)"])
    // Where nobody is asked, it is the application's own.
    let own = try gateway.forwarded("GET /pub/a", "Authorization: Bearer x", "Cookie: session=y")
    #expect(own.values("Authorization") == ["Bearer x"] && own.values("Cookie") == ["session=y"])
  }

  @Test("I-4: a claim that no line can carry refuses the request")
  func hostileClaim() throws {
    let gateway = try DecidingGateway()
    let token = try Issuer.token("\"sub\":\"a\\r\\nX: y\"")
    for _ in 0..<2 {
      #expect(try gateway.decide("GET /R", "Authorization: Bearer \(token)") == .refused(.identityInvalid))
    }
  }

  struct Framing: Sendable, CustomTestStringConvertible {
    let line: String
    let fields: [String]
    let seen: [String]
    var closes = false
    var isReplayable = false
    var testDescription: String { "\(line) \(fields)" }
  }

  @Test(
    "H-14, H-17: the framing is ours; a body where servers expect none ends that connection",
    arguments: [
      Framing(line: "GET", fields: [], seen: [], isReplayable: true),
      Framing(line: "HEAD", fields: [], seen: [], isReplayable: true),
      Framing(line: "OPTIONS", fields: ["Content-Length: 0"], seen: [], isReplayable: true),
      Framing(line: "DELETE", fields: [], seen: []),
      Framing(line: "FOO", fields: [], seen: []),
      Framing(line: "POST", fields: [], seen: ["Content-Length: 0"]),
      Framing(line: "PATCH", fields: ["Content-Length: 0"], seen: ["Content-Length: 0"]),
      Framing(line: "PUT", fields: ["content-length:  7 "], seen: ["Content-Length: 7"]),
      Framing(line: "POST", fields: ["transfer-encoding: CHUNKED"], seen: ["Transfer-Encoding: chunked"]),
      Framing(line: "GET", fields: ["Content-Length: 7"], seen: ["Content-Length: 7"], closes: true),
      Framing(line: "HEAD", fields: ["Content-Length: 7"], seen: ["Content-Length: 7"], closes: true),
      Framing(
        line: "DELETE", fields: ["Transfer-Encoding: chunked"], seen: ["Transfer-Encoding: chunked"], closes: true),
      Framing(line: "OPTIONS", fields: ["Content-Length: 7"], seen: ["Content-Length: 7"], closes: true),
      Framing(line: "PROPFIND", fields: ["Content-Length: 7"], seen: ["Content-Length: 7"], closes: true),
      Framing(line: "FOO", fields: ["Transfer-Encoding: chunked"], seen: ["Transfer-Encoding: chunked"], closes: true),
    ])
  func framing(_ row: Framing) throws {
    let lines = row.fields.map { $0 + "\r\n" }.joined()
    let decision = try DecidingGateway().send("\(row.line) /pub/a HTTP/1.1\r\nHost: a\r\n\(lines)\r\n")
    guard case .forwarded(let head) = decision else { throw NotForwarded(decision: decision) }
    let framing = head.fields.filter { $0.hasPrefix("Content-Length") || $0.hasPrefix("Transfer-Encoding") }
    #expect(framing == row.seen)
    #expect(head.values("Connection") == (row.closes ? ["close"] : []))
    #expect(head.closesConnection == row.closes)
    #expect(head.isReplayable == row.isReplayable)
  }

  @Test("A head that no longer fits once it is rewritten is refused")
  func tooLarge() throws {
    let gateway = try DecidingGateway(limits: "head: 32KiB")
    let value = String(repeating: "x", count: 32 * 1024 - 60)
    #expect(try gateway.decide("GET /pub/a", "X: \(value)") == .refused(.headTooLarge))
    #expect(try gateway.decide("GET /pub/a", "X: \(value.dropLast(1000))").reason == nil)
  }
}
