import HTTP
import Reason
import Testing

@Suite("Framing of requests")
struct FramingTests {
  static let both = [
    RefusedRequest(lines: "Content-Length: 5", "Transfer-Encoding: chunked", reason: .framingConflict),
    RefusedRequest(lines: "Transfer-Encoding: chunked", "Content-Length: 5", reason: .framingConflict),
    RefusedRequest(lines: "content-length: 0", "TRANSFER-ENCODING: chunked", reason: .framingConflict),
  ]

  @Test("H-1, RFC 9112 §6.1: no Content-Length beside a Transfer-Encoding, in either order", arguments: both)
  func bothLengths(_ row: RefusedRequest) { row.check() }

  static let badEncodings =
    [
      RefusedRequest(
        lines: "Transfer-Encoding: chunked", "Transfer-Encoding: chunked", reason: .transferEncodingInvalid),
      RefusedRequest(lines: "Transfer-Encoding: \u{B}chunked", reason: .fieldValueInvalid),
      RefusedRequest(
        "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", .transferEncodingInvalid),
    ]
    + [
      "xchunked", "chunkedx", "", "identity", "chunked,", ",chunked", "chunked, chunked", "chunked;q=1", "\"chunked\"",
      "chunked identity", "gzip", "chunked, gzip", "x, chunked", "gzip;q=1, chunked", "é", "gzip, chunked, chunked",
    ].map { RefusedRequest(lines: "Transfer-Encoding: \($0)", reason: .transferEncodingInvalid) }
    + ["gzip, chunked", "deflate,gzip , Chunked", "x-gzip, chunked", "compress, chunked", "x-compress, chunked"].map {
      RefusedRequest(lines: "Transfer-Encoding: \($0)", reason: .transferCodingUnsupported)
    }

  @Test("H-2, RFC 9112 §6.1: one Transfer-Encoding, `chunked` alone, and only in HTTP/1.1", arguments: badEncodings)
  func badEncoding(_ row: RefusedRequest) { row.check() }

  static let badLengths =
    [
      RefusedRequest(lines: "Content-Length: 5", "Content-Length: 5", reason: .contentLengthInvalid),
      RefusedRequest(lines: "Content-Length: 5", "content-length: 6", reason: .contentLengthInvalid),
    ]
    + [
      "", "+5", "-5", "5,5", "5, 5", "05", "00", "0x5", "5 5", "5.0", "5e1", "five", "é", "9223372036854775808",
      "18446744073709551616", String(repeating: "9", count: 19), String(repeating: "9", count: 10_000),
    ].map { RefusedRequest(lines: "Content-Length: \($0)", reason: .contentLengthInvalid) }

  @Test("H-3, RFC 9110 §8.6: one Content-Length, digits without a leading zero, below 2^63", arguments: badLengths)
  func badLength(_ row: RefusedRequest) { row.check() }

  struct Good: Sendable, CustomTestStringConvertible {
    let line: String
    let framing: BodyFraming
    var testDescription: String { line }
  }

  @Test(
    "RFC 9112 §6.3: how the end of a request's body is found",
    arguments: [
      Good(line: "X: none", framing: .none), Good(line: "Content-Length: 0", framing: .none),
      Good(line: "Content-Length: 5", framing: .length(5)), Good(line: "content-LENGTH:\t10 ", framing: .length(10)),
      Good(line: "Content-Length: 9223372036854775807", framing: .length(1 << 63 - 1)),
      Good(line: "Transfer-Encoding: chunked", framing: .chunked),
      Good(line: "transfer-encoding:CHUNKED ", framing: .chunked),
      // Names that only look alike are the application's own.
      Good(line: "Content_Length: 5", framing: .none), Good(line: "Transfer-Encodin: x", framing: .none),
      Good(line: "Transfer-Encoding-: x", framing: .none), Good(line: "XContent-Length: x", framing: .none),
    ])
  func framing(_ row: Good) throws {
    let (head, _) = try requestHead("POST / HTTP/1.1\r\nHost: a\r\n\(row.line)\r\n\r\n")
    #expect(head.bodyFraming == row.framing)
  }

  static let badExpectations = ["x", "", "100-continue, x", "100-continue, 100-continue", "100-continue;x", "é"].map {
    RefusedRequest(lines: "Expect: \($0)", reason: .expectationUnsupported)
  }

  @Test("H-16, RFC 9110 §10.1.1: Expect is `100-continue` and nothing else", arguments: badExpectations)
  func badExpectation(_ row: RefusedRequest) { row.check() }

  @Test(
    "H-16: Expect means something in HTTP/1.1 alone",
    arguments: [("1.1", "Expect: 100-Continue", true), ("1.0", "Expect: 100-continue", false), ("1.1", "X: y", false)])
  func expectation(version: String, line: String, expects: Bool) throws {
    let (head, _) = try requestHead("POST / HTTP/\(version)\r\nHost: a\r\n\(line)\r\n\r\n")
    #expect(head.expectsContinue == expects)
  }

  @Test(
    "H-19, RFC 9112 §9.3: whether the client means to send another request",
    arguments: [
      ("1.1", "X: y", true), ("1.1", "Connection: close", false), ("1.1", "Connection: Keep-Alive, CLOSE", false),
      ("1.1", "Connection: closed", true), ("1.1", "Connection: ,\t,close ,", false), ("1.0", "X: y", false),
      ("1.0", "Connection: keep-alive", true), ("1.0", "Connection: close, keep-alive", false),
      ("1.1", "Connection: x\r\nConnection: close", false),
    ])
  func persistence(version: String, line: String, persistent: Bool) throws {
    let (head, _) = try requestHead("GET / HTTP/\(version)\r\nHost: a\r\n\(line)\r\n\r\n")
    #expect(head.persistent == persistent)
  }

  @Test("C-2, RFC 6265 §5.4: two Cookie lines are refused")
  func twoCookieLines() {
    RefusedRequest(lines: "Cookie: a=1", "cookie: b=2", reason: .fieldLineInvalid).check()
  }

  @Test("T-14: Authorization lines are counted, the last is named")
  func authorizationLines() throws {
    let (head, bytes) = try requestHead(
      "GET / HTTP/1.1\r\nAuthorization: a\r\nHost: a\r\nauthorization: b\r\nAccept: x\r\nAccept: y\r\nCookie: c=d\r\n\r\n"
    )
    #expect(head.authorizationCount == 2)
    #expect(bytes.text(head.fields[head.authorizationLine].value) == "b")
    #expect(bytes.text(head.fields[head.acceptLine].value) == "x")
    #expect(bytes.text(head.fields[head.cookieLine].value) == "c=d")
  }

  @Test("A head that is used again says nothing of the request before")
  func reuse() throws {
    let first = Array(
      "POST http://b/x?y HTTP/1.0\r\nHost: b:80\r\nAuthorization: a\r\nCookie: a=b\r\nAccept: c\r\nContent-Length: 3\r\n\r\n"
        .utf8)
    let second = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
    var head = RequestHead(fieldsMax: 10)
    let sawFirst = try RequestHeadParser.parse(first.span, from: 0, limits: HeadLimits(), scheme: .http, into: &head)
    let sawSecond = try RequestHeadParser.parse(second.span, from: 0, limits: HeadLimits(), scheme: .http, into: &head)
    #expect(sawFirst && sawSecond)
    #expect(head.fields.count == 1)
    #expect([head.authorizationLine, head.cookieLine, head.acceptLine, head.authorizationCount] == [-1, -1, -1, 0])
    #expect(head.bodyFraming == .none)
    #expect(head.persistent && head.targetForm == .origin && head.port == nil && head.query.isEmpty)
    #expect(second.text(head.authority) == "a")
  }

  @Test("RFC 9112 §9.3.2: pipelined heads are read one behind the other")
  func pipelined() {
    let one = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
    let bytes = Array((one + "GET /bc HTTP/1.1\r\nHost: a\r\n\r\n").utf8)
    #expect(requestOutcome(bytes) == .whole(length: one.utf8.count))
    #expect(requestOutcome(bytes, from: one.utf8.count) == .whole(length: bytes.count - one.utf8.count))
    #expect(requestOutcome(bytes, from: bytes.count) == .incomplete)
  }
}
