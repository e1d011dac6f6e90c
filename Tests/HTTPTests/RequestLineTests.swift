import HTTP
import Reason
import Testing

@Suite("Request line")
struct RequestLineTests {
  static let malformed = [
    RefusedRequest("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", .requestLineInvalid),
    RefusedRequest("GET /  HTTP/1.1\r\nHost: a\r\n\r\n", .requestLineInvalid),
    RefusedRequest("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", .requestLineInvalid),
    RefusedRequest("GET /\tHTTP/1.1\r\nHost: a\r\n\r\n", .targetInvalid),
    RefusedRequest("GET /\r\nHost: a\r\n\r\n", .requestLineInvalid),
    RefusedRequest("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", .requestLineInvalid),
    RefusedRequest("GET / HTTP/1.10\r\nHost: a\r\n\r\n", .requestLineInvalid),
    RefusedRequest("GET / HTTP/01.1\r\nHost: a\r\n\r\n", .requestLineInvalid),
    RefusedRequest("GET / http/1.1\r\nHost: a\r\n\r\n", .requestLineInvalid),
    RefusedRequest("GET / HTTP/1,1\r\nHost: a\r\n\r\n", .requestLineInvalid),
    RefusedRequest("GET / HTTP/x.1\r\nHost: a\r\n\r\n", .requestLineInvalid),
    RefusedRequest("GET / HTPP/1.1\r\nHost: a\r\n\r\n", .requestLineInvalid),
    RefusedRequest(" GET / HTTP/1.1\r\nHost: a\r\n\r\n", .requestLineInvalid),
    RefusedRequest("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", .requestLineInvalid),
    RefusedRequest("GÉT / HTTP/1.1\r\nHost: a\r\n\r\n", .requestLineInvalid),
    RefusedRequest("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", .requestLineInvalid),
    RefusedRequest("GET / HTTP/2.0\r\nHost: a\r\n\r\n", .versionUnsupported),
    RefusedRequest("GET / HTTP/1.2\r\nHost: a\r\n\r\n", .versionUnsupported),
    RefusedRequest("GET / HTTP/0.9\r\nHost: a\r\n\r\n", .versionUnsupported),
    RefusedRequest("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .targetInvalid),
  ]

  @Test("H-7, RFC 9112 §3: only `method SP target SP HTTP/1.x` is a request line", arguments: malformed)
  func malformedLine(_ row: RefusedRequest) { row.check() }

  @Test("H-7: one empty line before the request line is passed over")
  func oneEmptyLine() {
    let bytes = Array("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
    #expect(requestOutcome(bytes) == .whole(length: bytes.count))
    #expect(byteByByte(bytes) { requestOutcome($0) } == .whole(length: bytes.count))
  }

  static let refusedMethods = [
    RefusedRequest("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", .methodRefused),
    RefusedRequest("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", .methodRefused),
    RefusedRequest("GET * HTTP/1.1\r\nHost: a\r\n\r\n", .targetInvalid),
  ]

  @Test("H-10, RFC 9110 §9.3: no CONNECT, no TRACE, `*` only with OPTIONS", arguments: refusedMethods)
  func refusedMethod(_ row: RefusedRequest) { row.check() }

  @Test(
    "Methods are compared exactly (RFC 9110 §9.1)",
    arguments: [
      ("GET", Method.get), ("HEAD", .head), ("POST", .post), ("PUT", .put), ("DELETE", .delete), ("PATCH", .patch),
      ("OPTIONS", .options), ("get", .other), ("trace", .other), ("connect", .other), ("GETX", .other),
      ("VERSION-CONTROL", .other), ("!#$%&'*+-.^_`|~9z", .other),
    ])
  func methods(name: String, method: Method) throws {
    let (head, bytes) = try requestHead("\(name) / HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(head.knownMethod == method)
    #expect(bytes.text(head.method) == name)
  }

  static let badTargets = [
    RefusedRequest("GET /pub#/../R HTTP/1.1\r\nHost: a\r\n\r\n", .targetInvalid),
    RefusedRequest("GET /a?b#c HTTP/1.1\r\nHost: a\r\n\r\n", .targetInvalid),
    RefusedRequest("GET /é HTTP/1.1\r\nHost: a\r\n\r\n", .targetInvalid),
    RefusedRequest("GET /a\u{0}b HTTP/1.1\r\nHost: a\r\n\r\n", .targetInvalid),
    RefusedRequest("GET /a\u{7F}b HTTP/1.1\r\nHost: a\r\n\r\n", .targetInvalid),
    RefusedRequest("GET a HTTP/1.1\r\nHost: a\r\n\r\n", .targetInvalid),
    RefusedRequest("GET ?a HTTP/1.1\r\nHost: a\r\n\r\n", .targetInvalid),
    RefusedRequest("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", .targetInvalid),
    RefusedRequest("GET http:/a HTTP/1.1\r\nHost: a\r\n\r\n", .targetInvalid),
    RefusedRequest("GET http:// HTTP/1.1\r\nHost: a\r\n\r\n", .targetInvalid),
    RefusedRequest("GET a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", .targetInvalid),
    RefusedRequest("OPTIONS *x HTTP/1.1\r\nHost: a\r\n\r\n", .targetInvalid),
  ]

  @Test("P-6, RFC 9112 §3.2: what no target may hold is refused in the head", arguments: badTargets)
  func badTarget(_ row: RefusedRequest) { row.check() }

  static let disagreeing = [
    RefusedRequest("GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", .authorityMismatch),
    RefusedRequest("GET http://a:8080/ HTTP/1.1\r\nHost: a\r\n\r\n", .authorityMismatch),
    RefusedRequest("GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n", .authorityMismatch),
    RefusedRequest("GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", .hostInvalid),
    RefusedRequest("GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", .hostInvalid),
  ]

  @Test("H-9, RFC 9112 §3.2.2: an absolute-form target agrees with scheme and Host", arguments: disagreeing)
  func disagreeingTarget(_ row: RefusedRequest) { row.check() }

  @Test("H-9: IPv6 addresses agree by their value")
  func addresses() {
    let good = Array("GET http://[::1]/ HTTP/1.1\r\nHost: [0:0::0.0.0.1]:80\r\n\r\n".utf8)
    #expect(requestOutcome(good) == .whole(length: good.count))
    RefusedRequest("GET http://[::1]/ HTTP/1.1\r\nHost: [::2]\r\n\r\n", .authorityMismatch).check()
    RefusedRequest("GET http://[::7f00:1]/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", .authorityMismatch).check()
  }

  @Test("H-9: on a listener with TLS the scheme is https")
  func schemeOfListener() {
    RefusedRequest("GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", .authorityMismatch).check(scheme: .https)
    let good = Array("GET https://a:443/ HTTP/1.1\r\nHost: A\r\n\r\n".utf8)
    #expect(requestOutcome(good, scheme: .https) == .whole(length: good.count))
  }

  struct Target: Sendable, CustomTestStringConvertible {
    let line: String
    let form: TargetForm
    let path: String
    let query: String
    var testDescription: String { line }
  }

  @Test(
    "RFC 9112 §3.2: the parts of a target",
    arguments: [
      Target(line: "GET /", form: .origin, path: "/", query: ""),
      Target(line: "GET /a?b=/c?d", form: .origin, path: "/a", query: "?b=/c?d"),
      Target(line: "GET /?", form: .origin, path: "/", query: "?"),
      Target(line: "GET //a", form: .origin, path: "//a", query: ""),
      Target(line: "GET http://host", form: .absolute, path: "", query: ""),
      Target(line: "GET HTTP://HOST:80/a?b", form: .absolute, path: "/a", query: "?b"),
      Target(line: "GET http://host?b", form: .absolute, path: "", query: "?b"),
      Target(line: "OPTIONS *", form: .asterisk, path: "*", query: ""),
    ])
  func parts(_ row: Target) throws {
    let (head, bytes) = try requestHead("\(row.line) HTTP/1.1\r\nHost: host\r\n\r\n")
    #expect(head.targetForm == row.form)
    #expect(bytes.text(head.path) == row.path)
    #expect(bytes.text(head.query) == row.query)
    #expect(bytes.text(head.authority) == "host")
  }
}
