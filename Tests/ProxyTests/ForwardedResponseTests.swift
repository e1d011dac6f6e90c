import HTTP
import Reason
import Sockets
import Testing

@testable import Proxy

@Suite("Forwarded answers")
struct ForwardedResponseTests {
  struct Row: Sendable, CustomTestStringConvertible {
    var method = Method.get
    var version = HTTPVersion.http11
    let response: String
    let framing: BodyFraming
    var isKept = true
    let seen: String
    var testDescription: String { "\(method) \(version): \(response.debugDescription)" }
  }

  @Test(
    "H-14: an answer is built anew, with our framing and without what was for one connection",
    arguments: [
      Row(
        response: "HTTP/1.1 200 OK\r\nDate: then\r\nContent-Length: 5\r\nX:a", framing: .length(5),
        seen: "HTTP/1.1 200 OK\r\nDate: then\r\nX: a\r\nContent-Length: 5\r\n\r\n"),
      Row(
        response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\nDate: then", framing: .chunked,
        seen: "HTTP/1.1 200 OK\r\nDate: then\r\nTransfer-Encoding: chunked\r\n\r\n"),
      Row(
        response:
          "HTTP/1.0 404 Not Found\r\nConnection: keep-alive, X-Hop\r\nKeep-Alive: 5\r\nX-Hop: 1\r\nSet-Cookie: a=b",
        framing: .chunked,
        seen: "HTTP/1.1 404 Not Found\r\nSet-Cookie: a=b\r\nDate: now\r\nTransfer-Encoding: chunked\r\n\r\n"),
      Row(
        response: "HTTP/1.1 200 \r\nDate: then\r\nContent-Length: 0", framing: .length(0), isKept: false,
        seen: "HTTP/1.1 200 \r\nDate: then\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
      // What a body would have been is said of HEAD and 304 alone (RFC 9110 §8.6).
      Row(
        method: .head, response: "HTTP/1.1 200 OK\r\nDate: then\r\nContent-Length: 5", framing: .none,
        seen: "HTTP/1.1 200 OK\r\nDate: then\r\nContent-Length: 5\r\n\r\n"),
      Row(
        response: "HTTP/1.1 304 Not Modified\r\nDate: then\r\nContent-Length: 5", framing: .none,
        seen: "HTTP/1.1 304 Not Modified\r\nDate: then\r\nContent-Length: 5\r\n\r\n"),
      Row(
        response: "HTTP/1.1 204 No Content\r\nDate: then\r\nContent-Length: 5", framing: .none,
        seen: "HTTP/1.1 204 No Content\r\nDate: then\r\n\r\n"),
      Row(
        response: "HTTP/1.1 103 Early Hints\r\nLink: x\r\nContent-Length: 5", framing: .none,
        seen: "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"),
      Row(
        method: .head, response: "HTTP/1.1 204 No Content\r\nDate: then\r\nContent-Length: 5", framing: .none,
        seen: "HTTP/1.1 204 No Content\r\nDate: then\r\n\r\n"),
      Row(
        method: .head, response: "HTTP/1.1 103 Early Hints\r\nLink: x\r\nContent-Length: 5", framing: .none,
        seen: "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"),
      // What Connection names goes, whatever it is (RFC 9110 §7.6.1).
      Row(
        response: "HTTP/1.1 200 OK\r\nConnection: date, Set-Cookie\r\nDate: then\r\nSet-Cookie: a=b",
        framing: .length(5),
        seen: "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 5\r\n\r\n"),
      Row(
        response: "HTTP/1.1 200 OK\r\nConnection: close\r\nDate: then\r\nClose: hop\r\nContent-Length: 5",
        framing: .length(5), seen: "HTTP/1.1 200 OK\r\nDate: then\r\nContent-Length: 5\r\n\r\n"),
      Row(
        method: .head, response: "HTTP/1.1 200 OK\r\nConnection: Content-Length\r\nDate: then\r\nContent-Length: 5",
        framing: .none, seen: "HTTP/1.1 200 OK\r\nDate: then\r\n\r\n"),
      Row(
        version: .http10, response: "HTTP/1.1 200 OK\r\nDate: then\r\nContent-Length: 5", framing: .length(5),
        seen: "HTTP/1.1 200 OK\r\nDate: then\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n"),
      Row(
        version: .http10, response: "HTTP/1.1 200 OK\r\nDate: then\r\nTransfer-Encoding: chunked", framing: .untilClose,
        isKept: false, seen: "HTTP/1.1 200 OK\r\nDate: then\r\nConnection: close\r\n\r\n"),
      Row(
        response: "HTTP/1.1 401 Unauthorized\r\nDate: then\r\nWWW-Authenticate: Basic\r\nProxy-Authenticate: Basic",
        framing: .length(0),
        seen: "HTTP/1.1 401 Unauthorized\r\nDate: then\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"),
      // The client is told what to ask for (RFC 9110 §15.5.22), and by no other answer.
      Row(
        response: "HTTP/1.1 426 Upgrade Required\r\nDate: then\r\nConnection: Upgrade, close\r\nUpgrade: websocket",
        framing: .length(0), isKept: false,
        seen:
          """
          HTTP/1.1 426 Upgrade Required\r\nDate: then\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\
          Content-Length: 0\r\nConnection: close\r\n\r\n
          """),
      Row(
        response: "HTTP/1.1 200 OK\r\nDate: then\r\nConnection: Upgrade\r\nUpgrade: h2", framing: .length(0),
        seen: "HTTP/1.1 200 OK\r\nDate: then\r\nContent-Length: 0\r\n\r\n"),
    ])
  func rebuilt(_ row: Row) throws {
    let (text, fits) = try write(row)
    #expect(text == row.seen)
    #expect(fits)
  }

  @Test(
    "U-3: an answer that asks for a login of the connection is known",
    arguments: [
      ("NTLM", true), ("Negotiate", true), ("ntlm TlRMTVNTUAAC", true), ("Negotiate\tYTpi", true), ("Nego2", true),
      ("Basic realm=\"a\", Negotiate", true), ("Kerberos", true), ("Basic realm=\"NTLM\"", false),
      ("NTLMv2", false), ("Bearer", false), ("", false),
    ])
  func connectionLogin(challenge: String, isAsked: Bool) throws {
    let response = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: \(challenge)"
    let written = try written(Row(response: response, framing: .length(0), seen: ""), capacity: 8192)
    #expect(written.asksForConnectionLogin == isAsked)
  }

  @Test("An answer's head that does not fit a block is told")
  func tooLarge() throws {
    let row = Row(response: "HTTP/1.1 200 OK\r\nX: \(String(repeating: "x", count: 5000))", framing: .none, seen: "")
    let (_, fits) = try write(row, capacity: 5000)
    #expect(!fits)
    let (_, fitsMore) = try write(row, capacity: 6000)
    #expect(fitsMore)
  }

  private func write(_ row: Row, capacity: Int = 8192) throws -> (text: String, fits: Bool) {
    let written = try written(row, capacity: capacity)
    let fits = written.fits
    let block = written.takeBlock()
    let text = block.withReadable { span in String(decoding: span.indices.map { span[$0] }, as: UTF8.self) }
    return (text, fits)
  }

  private func written(_ row: Row, capacity: Int) throws -> WrittenHead {
    let bytes = Array((row.response + "\r\n\r\n").utf8)
    var head = ResponseHead(fieldsMax: 10)
    let isWhole = try ResponseHeadParser.parse(
      bytes.span, from: 0, limits: HeadLimits(), answering: row.method, into: &head)
    try #require(isWhole)
    return ForwardedResponse.write(
      head, bytes.span,
      facts: .init(
        method: row.method, version: row.version, framing: row.framing, connection: row.isKept ? .kept : .closed,
        date: Array("now".utf8)),
      into: Buffer(capacity: capacity))
  }

  @Test("RFC 9112 §7.1: data goes on as one chunk, and none as no chunk")
  func chunk() {
    var buffer = Buffer(capacity: 64)
    buffer.append(chunk: Array("0123456789abcdefg".utf8).span)
    buffer.append(chunk: [UInt8]().span)
    let text = buffer.withReadable { span in String(decoding: span.indices.map { span[$0] }, as: UTF8.self) }
    #expect(text == "11\r\n0123456789abcdefg\r\n")
  }
}
