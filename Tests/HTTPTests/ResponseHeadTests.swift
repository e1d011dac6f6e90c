import HTTP
import Reason
import Testing

@Suite("Heads of answers")
struct ResponseHeadTests {
  static let malformed = [
    "HTTP/1.1 200 OK\nX: a\r\n\r\n", "HTTP/1.1 200 OK\rX: a\r\n\r\n", "HTTP/1.1 200 OK\r\nX: a\n\r\n",
    "HTTP/1.1 200 OK\r\n\n", "HTTP/1.1 200 O\u{0}K\r\n\r\n", "HTTP/1.1  200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n",
    "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 099 OK\r\n\r\n", "HTTP/1.1 600 OK\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n",
    "HTTP/1.1 -20 OK\r\n\r\n", "HTTP/1.2 200 OK\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n", "http/1.1 200 OK\r\n\r\n",
    "\r\nHTTP/1.1 200 OK\r\n\r\n", "ICY 200 OK\r\n\r\n", "HTTP/1.1\t200 OK\r\n\r\n", "HTTP/1.1 200\tOK\r\n\r\n",
    "HTTP/1.1 200 OK\r\n X: a\r\n\r\n", "HTTP/1.1 200 OK\r\nX : a\r\n\r\n", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX: a\u{1}\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 1,1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    // They must make sense also where there is no body.
    "HTTP/1.1 304 Not Modified\r\nContent-Length: 05\r\n\r\n",
  ]

  @Test("U-2, RFC 9112 §4: an answer is read as strictly as a request", arguments: malformed)
  func malformedResponse(_ text: String) {
    let bytes = Array(text.utf8)
    #expect(responseOutcome(bytes) == .refused(.upstreamAnswerInvalid))
    #expect(byteByByte(bytes) { responseOutcome($0) } == .refused(.upstreamAnswerInvalid))
  }

  struct Body: Sendable, CustomTestStringConvertible {
    var method = Method.get
    let text: String
    let framing: BodyFraming
    var testDescription: String { "\(method): \(text.debugDescription)" }
  }

  @Test(
    "RFC 9112 §6.3: how the end of an answer's body is found",
    arguments: [
      Body(text: "HTTP/1.1 200 OK\r\nContent-Length: 3", framing: .length(3)),
      Body(text: "HTTP/1.1 200 OK\r\nContent-Length: 0", framing: .length(0)),
      Body(text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", framing: .chunked),
      Body(text: "HTTP/1.1 200 OK\r\nX: y", framing: .untilClose),
      Body(text: "HTTP/1.0 200 OK\r\nX: y", framing: .untilClose),
      Body(text: "HTTP/1.1 204 No Content\r\nContent-Length: 3", framing: .none),
      Body(text: "HTTP/1.1 304 Not Modified\r\nContent-Length: 3", framing: .none),
      Body(text: "HTTP/1.1 100 Continue\r\nX: y", framing: .none),
      Body(text: "HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked", framing: .none),
      Body(method: .head, text: "HTTP/1.1 200 OK\r\nContent-Length: 3", framing: .none),
      Body(method: .head, text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", framing: .none),
      Body(method: .post, text: "HTTP/1.1 205 Reset Content\r\nContent-Length: 0", framing: .length(0)),
    ])
  func bodies(_ row: Body) throws {
    let (head, _) = try responseHead(row.text + "\r\n\r\n", answering: row.method)
    #expect(head.bodyFraming == row.framing)
  }

  struct Line: Sendable, CustomTestStringConvertible {
    let text: String
    let status: Int
    let phrase: String
    let version: HTTPVersion
    let persistent: Bool
    var testDescription: String { text }
  }

  @Test(
    "U-3, RFC 9112 §4: the status line; whether the server keeps the connection",
    arguments: [
      Line(text: "HTTP/1.1 200 OK", status: 200, phrase: "OK", version: .http11, persistent: true),
      Line(text: "HTTP/1.1 404 A  B\t", status: 404, phrase: "A  B\t", version: .http11, persistent: true),
      Line(text: "HTTP/1.1 599 ", status: 599, phrase: "", version: .http11, persistent: true),
      Line(text: "HTTP/1.1 200", status: 200, phrase: "", version: .http11, persistent: true),
      Line(text: "HTTP/1.1 200 é", status: 200, phrase: "é", version: .http11, persistent: true),
      Line(text: "HTTP/1.0 200 OK", status: 200, phrase: "OK", version: .http10, persistent: false),
      Line(
        text: "HTTP/1.0 200 K\r\nConnection: Keep-Alive", status: 200, phrase: "K", version: .http10, persistent: true),
      Line(
        text: "HTTP/1.1 200 OK\r\nConnection: close", status: 200, phrase: "OK", version: .http11, persistent: false),
      // It has no body, and says that it has one.
      Line(
        text: "HTTP/1.1 204 N\r\nContent-Length: 5", status: 204, phrase: "N", version: .http11, persistent: false),
      Line(text: "HTTP/1.1 204 N\r\nContent-Length: 0", status: 204, phrase: "N", version: .http11, persistent: true),
      Line(
        text: "HTTP/1.1 204 N\r\nTransfer-Encoding: chunked", status: 204, phrase: "N", version: .http11,
        persistent: false),
      Line(
        text: "HTTP/1.1 304 N\r\nContent-Length: 5", status: 304, phrase: "N", version: .http11, persistent: false),
      Line(text: "HTTP/1.1 304 N", status: 304, phrase: "N", version: .http11, persistent: true),
    ])
  func statusLine(_ row: Line) throws {
    let text = row.text + "\r\n\r\n"
    let (head, bytes) = try responseHead(text)
    #expect(head.status == row.status)
    #expect(bytes.text(head.reasonPhrase) == row.phrase)
    #expect(head.version == row.version)
    #expect(head.persistent == row.persistent)
    #expect(head.length == bytes.count)
    #expect(byteByByte(bytes) { responseOutcome($0) } == .whole(length: bytes.count))
  }

  @Test("Limits hold for answers too")
  func limits() {
    let bytes = Array("HTTP/1.1 200 OK\r\nX: a\r\nY: b\r\n\r\n".utf8)
    #expect(responseOutcome(bytes, limits: HeadLimits(headBytesMax: bytes.count)) == .whole(length: bytes.count))
    for limits in [HeadLimits(headBytesMax: bytes.count - 1), HeadLimits(fieldsMax: 1)] {
      #expect(responseOutcome(bytes, limits: limits) == .refused(.upstreamAnswerInvalid))
    }
    let endless = Array("HTTP/1.1 200 \(String(repeating: "x", count: 100))".utf8)
    #expect(responseOutcome(endless, limits: HeadLimits(headBytesMax: 100)) == .refused(.upstreamAnswerInvalid))
  }
}
