import Testing

@testable import HTTP

@Suite("What a head asks for that is refused")
struct RefusedHeadTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let text: String
    /// Method, authority, path; nil: nothing is known.
    let known: [String?]?

    var testDescription: String { text }
  }

  @Test(
    "RFC 9112 §3: it is known where the request line is well-formed",
    arguments: [
      Row(text: "TRACE /a?b=c HTTP/1.1\r\nHost: a:1\r\n\r\n", known: ["TRACE", "a:1", "/a"]),
      Row(text: "\r\nTRACE /a HTTP/1.1\r\nX: y\r\nHost: a\r\n", known: ["TRACE", "a", "/a"]),
      Row(text: "CONNECT a:443 HTTP/1.1\r\nHost: b:443\r\n\r\n", known: ["CONNECT", "b:443", nil]),
      Row(text: "GET https://a/b?c HTTP/1.1\r\nHost: d\r\n\r\n", known: ["GET", "a", "/b"]),
      Row(text: "GET http://a?b/c HTTP/1.1\r\nHost: d\r\n\r\n", known: ["GET", "a", ""]),
      Row(text: "GET http://u@a/b HTTP/1.1\r\n\r\n", known: ["GET", "", "/b"]),
      Row(text: "OPTIONS * HTTP/2.0\r\n", known: ["OPTIONS", "", nil]),
      Row(text: "GET /a HTTP/1.1\r\nHost: a", known: ["GET", "", "/a"]),
      Row(text: "GET /a HTTP/1.1\r\nHost: a b\r\n\r\n", known: ["GET", "", "/a"]),
      Row(text: "GET /a HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", known: ["GET", "", "/a"]),
      Row(text: "GET /a HTTP/1.1\r\nHost: a\r\nbad line\r\nHost: b\r\n\r\n", known: ["GET", "a", "/a"]),
      Row(text: "GET /\(String(repeating: "a", count: 40)) HTTP/1.1\r\n", known: nil),
      Row(text: "GET /a HTTP/1.1", known: nil), Row(text: "GET /a HTTP/1.1\n\n", known: nil),
      Row(text: "GET /a  HTTP/1.1\r\n", known: nil), Row(text: "GET /a#b HTTP/1.1\r\n", known: nil),
      Row(text: "GET /\u{E9} HTTP/1.1\r\n", known: nil), Row(text: "GET /a\r\n", known: nil),
      Row(text: "G(T /a HTTP/1.1\r\n", known: nil), Row(text: " /a HTTP/1.1\r\n", known: nil),
      Row(text: "GET  HTTP/1.1\r\n", known: nil), Row(text: "", known: nil), Row(text: "\r", known: nil),
      Row(text: "\u{16}\u{3}\u{1}", known: nil),
    ])
  func known(row: Row) {
    let bytes = Array(row.text.utf8)
    let head = RefusedHead(bytes.span, limits: HeadLimits(headBytesMax: 120, targetBytesMax: 40))
    let text = { (range: ByteRange) in String(decoding: bytes[range.lowerBound..<range.upperBound], as: UTF8.self) }
    #expect(head.map { [text($0.method), text($0.authority), $0.path.map(text)] } == row.known)
  }
}
