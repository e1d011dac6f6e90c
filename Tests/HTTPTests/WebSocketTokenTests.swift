import HTTP
import Reason
import Testing

@Suite("A token among the protocols of a WebSocket")
struct WebSocketTokenTests {
  enum Outcome: Equatable {
    case none
    case found(String, others: String)
    case refused(Reason)
  }

  static func outcome(_ lines: [String]) throws -> Outcome {
    let (head, bytes) = try requestHead("GET / HTTP/1.1\r\nHost: a\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n")
    do throws(WebSocketTokenError) {
      guard let token = try WebSocketToken(head, bytes.span) else { return .none }
      return .found(
        String(decoding: (token.token.lowerBound..<token.token.upperBound).map { bytes[$0] }, as: UTF8.self),
        others: String(decoding: token.otherProtocols, as: UTF8.self))
    } catch {
      return .refused(error.reason)
    }
  }

  @Test(
    "Lists",
    arguments: [
      ("bearer, a.b.c", .found("a.b.c", others: "")), ("bearer,a.b.c", .found("a.b.c", others: "")),
      ("bearer ,\t a.b.c ", .found("a.b.c", others: "")),
      ("bearer, a.b.c, chat", .found("a.b.c", others: "chat")), ("chat, bearer, a", .found("a", others: "chat")),
      ("v2,chat,bearer,a,v1", .found("a", others: "v2, chat, v1")), ("bearer, chat", .found("chat", others: "")),
      ("chat", .none), ("bearerx, a", .none), ("bearer.a.b.c", .none), ("chat, v2", .none),
      ("", .refused(.tokenMalformed)), ("a,,b", .refused(.tokenMalformed)), ("a b", .refused(.tokenMalformed)),
      ("bearer a.b.c", .refused(.tokenMalformed)), ("bearer;, a", .refused(.tokenMalformed)),
      ("bearer\u{A0}, a", .refused(.tokenMalformed)), ("chat, é", .refused(.tokenMalformed)),
      ("bearer, a=, bearer, b", .refused(.tokenMalformed)), ("bearer, a/b", .refused(.tokenMalformed)),
      ("bearer", .refused(.tokenMalformed)), ("chat, bearer", .refused(.tokenMalformed)),
      ("bearer,", .refused(.tokenMalformed)), ("bearer, , a", .refused(.tokenMalformed)),
      ("bearer, a,", .refused(.tokenMalformed)), (", bearer, a", .refused(.tokenMalformed)),
      ("Bearer, a", .refused(.tokenMalformed)), ("BEARER, a", .refused(.tokenMalformed)),
      ("bearer, a, bearer, b", .refused(.credentialRepeated)), ("bearer, bearer", .refused(.credentialRepeated)),
      ("bearer, a, Bearer", .refused(.credentialRepeated)),
    ] as [(String, Outcome)])
  func lists(_ value: String, _ expected: Outcome) throws {
    #expect(try Self.outcome(["Sec-WebSocket-Protocol: \(value)"]) == expected)
    #expect(try Self.outcome(["X: y", "sec-websocket-PROTOCOL:\(value)"]) == expected)
  }

  @Test("One line, where there is a token")
  func lines() throws {
    #expect(try Self.outcome([]) == .none)
    #expect(try Self.outcome(["Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: b"]) == .none)
    #expect(
      try Self.outcome(["Sec-WebSocket-Protocol: bearer", "Sec-WebSocket-Protocol: a"])
        == .refused(.credentialRepeated))
    #expect(
      try Self.outcome(["Sec-WebSocket-Protocol: bearer, a", "Sec-WebSocket-Protocol: b"])
        == .refused(.credentialRepeated))
    #expect(
      try Self.outcome(["Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: bearer a"])
        == .refused(.tokenMalformed))
    #expect(try Self.outcome(["Sec_WebSocket_Protocol: bearer, a"]) == .none)
  }
}
