import HTTP
import Reason
import Testing

@Suite("Upgrades")
struct UpgradeRequestTests {
  static let key = "dGhlIHNhbXBsZSBub25jZQ=="
  static let handshake = [
    "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: \(key)", "Sec-WebSocket-Version: 13",
  ]

  enum Outcome: Equatable {
    case none, refused
    case asks(String)
  }

  static func outcome(
    _ lines: [String], line: String = "GET / HTTP/1.1", among: [String] = ["websocket", "other/2"]
  ) throws -> Outcome {
    let (head, bytes) = try requestHead("\(line)\r\nHost: a\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n")
    do throws(UpgradeError) {
      let request = try UpgradeRequest(head, bytes.span, among: among.map { [UInt8]($0.utf8) })
      return request.map { .asks(String(decoding: $0.name, as: UTF8.self)) } ?? .none
    } catch {
      #expect(error.reason == .upgradeInvalid)
      return .refused
    }
  }

  @Test("A WebSocket handshake is one, in any case")
  func handshakes() throws {
    #expect(try Self.outcome(Self.handshake) == .asks("websocket"))
    let loud = ["connection: keep-alive, UPGRADE", "upgrade: WebSocket"] + Self.handshake.suffix(2)
    #expect(try Self.outcome(loud) == .asks("websocket"))
    #expect(try Self.outcome(["Connection: upgrade", "Upgrade: Other/2"]) == .asks("other/2"))
  }

  @Test(
    "Where a token was taken away, the server chooses among the others",
    arguments: [
      ("chat, bearer, t, v2", [], true), ("chat, bearer, t, v2", ["chat"], true), ("chat, bearer, t, v2", ["v2"], true),
      ("chat, bearer, t, v2", ["bearer"], false), ("chat, bearer, t, v2", ["t"], false),
      ("chat, bearer, t, v2", ["Chat"], false), ("chat, bearer, t, v2", ["chat, v2"], false),
      ("chat, bearer, t, v2", ["chat", "v2"], false), ("chat, bearer, t, v2", ["chat", "chat"], false),
      ("chat, bearer, t, v2", [""], false), ("bearer, t", [], true), ("bearer, t", [""], false),
      ("bearer, t", ["bearer"], false), ("chat", ["other"], true),
    ])
  func chosenProtocols(_ offered: String, _ chosen: [String], isAccepted: Bool) throws {
    let lines = Self.handshake + ["Sec-WebSocket-Protocol: \(offered)"]
    let (head, bytes) = try requestHead(
      "GET / HTTP/1.1\r\nHost: a\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n")
    var request = try #require(try UpgradeRequest(head, bytes.span, among: [[UInt8]("websocket".utf8)]))
    if let token = try WebSocketToken(head, bytes.span) { request.takeAway(token) }
    let fields = ["Connection: upgrade", "Upgrade: websocket", "Sec-WebSocket-Accept: x"]
    let (response, responseBytes) = try responseHead(
      (["HTTP/1.1 101 S"] + fields + chosen.map { "Sec-WebSocket-Protocol: \($0)" } + ["", ""]).joined(
        separator: "\r\n"))
    #expect(
      request.isAccepted(by: response, responseBytes.span, webSocketAccept: [UInt8]("x".utf8)) == isAccepted)
    #expect(request.choosesBearer(response, responseBytes.span) == (chosen.isEmpty && offered != "chat"))
  }

  @Test("What is no upgrade is answered in HTTP")
  func none() throws {
    #expect(try Self.outcome(Array(Self.handshake.dropFirst())) == .none, "Connection does not say so")
    #expect(try Self.outcome(Self.handshake, among: []) == .none)
    #expect(try Self.outcome(Self.handshake + ["Content-Length: 1"]) == .none)
    #expect(try Self.outcome(Self.handshake, line: "POST / HTTP/1.1") == .none)
    #expect(try Self.outcome(Self.handshake, line: "GET / HTTP/1.0") == .none)
    #expect(try Self.outcome(Self.handshake + ["Upgrade: other/2"]) == .none, "two lines")
    for name in ["h2c", "websocket, h2c", "websocketx", "", "other"] {
      #expect(try Self.outcome(["Connection: Upgrade", "Upgrade: \(name)"]) == .none, "\(name)")
    }
  }

  @Test(
    "U-5: version 13 and a key of 16 bytes",
    arguments: [
      ["Sec-WebSocket-Version: 13"], ["Sec-WebSocket-Key: \(key)"],
      ["Sec-WebSocket-Key: \(key)", "Sec-WebSocket-Version: 8"],
      ["Sec-WebSocket-Key: \(key)", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 13"],
      ["Sec-WebSocket-Key: \(key)", "Sec-WebSocket-Key: \(key)", "Sec-WebSocket-Version: 13"],
      ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=", "Sec-WebSocket-Version: 13"],
      ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR==", "Sec-WebSocket-Version: 13"],
      ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ!==", "Sec-WebSocket-Version: 13"],
      ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQAA", "Sec-WebSocket-Version: 13"],
    ])
  func refused(lines: [String]) throws {
    #expect(try Self.outcome(["Connection: Upgrade", "Upgrade: websocket"] + lines) == .refused)
  }

  @Test("U-5: a 101 switches to what was asked for, with the proof that belongs to the key")
  func responses() throws {
    let lines = Self.handshake.joined(separator: "\r\n")
    let (head, bytes) = try requestHead("GET / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n\r\n")
    let request = try #require(try UpgradeRequest(head, bytes.span, among: [[UInt8]("websocket".utf8)]))
    let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    let good = ["Connection: upgrade", "Upgrade: WebSocket", "Sec-WebSocket-Accept: \(accept)"]
    func isAccepted(_ lines: [String], status: String = "101 Switching Protocols") throws -> Bool {
      let (response, bytes) = try responseHead(
        "HTTP/1.1 \(status)\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n")
      return request.isAccepted(by: response, bytes.span, webSocketAccept: [UInt8](accept.utf8))
    }
    #expect(try isAccepted(good))
    #expect(try !isAccepted(good, status: "200 OK"))
    #expect(try !isAccepted(Array(good.dropFirst())))
    #expect(try !isAccepted(Array(good.dropLast())))
    #expect(try !isAccepted(good + ["Sec-WebSocket-Accept: \(accept)"]))
    #expect(try !isAccepted(good.dropLast() + ["Sec-WebSocket-Accept: \(accept.lowercased())"]))
    #expect(try !isAccepted(["Connection: upgrade", "Upgrade: h2c", "Sec-WebSocket-Accept: \(accept)"]))
    #expect(try !isAccepted(good + ["Upgrade: websocket"]))
  }

  @Test(
    "C-14: an Origin is one's own by host and port",
    arguments: [
      ("a.example", [], true), ("a.example", ["http://a.example"], true), ("a.example", ["https://A.EXAMPLE"], true),
      ("a.example:80", ["http://a.example"], true), ("a.example:8080", ["http://a.example:8080"], true),
      ("a.example", ["https://a.example:443"], true), ("[::1]:80", ["http://[::1]"], true),
      ("a.example", ["null"], false), ("a.example", ["https://b.example"], false),
      ("a.example", ["https://a.example.evil"], false), ("a.example", ["https://a.example:8443"], false),
      ("a.example:8080", ["http://a.example"], false), ("a.example", ["https://a.example/"], false),
      ("a.example", ["https://u@a.example"], false), ("a.example", ["ftp://a.example"], false),
      ("a.example", ["https://"], false), ("a.example", [""], false),
      ("a.example", ["https://a.example", "https://a.example"], false),
      ("a.example", ["https://a.example https://b.example"], false),
    ] as [(String, [String], Bool)])
  func origins(host: String, origins: [String], isOwn: Bool) throws {
    let (head, bytes) = try requestHead(
      "GET / HTTP/1.1\r\nHost: \(host)\r\n" + origins.map { "Origin: \($0)\r\n" }.joined() + "\r\n")
    #expect(RequestOrigin.isOwn(head, bytes.span) == isOwn)
  }

  @Test(
    "C-8, C-14: a page without referrers is one's own where the browser says so, but for an upgrade",
    arguments: [
      ("null", ["same-origin"], true), ("null", ["cross-site"], false), ("null", ["same-site"], false),
      ("null", ["none"], false), ("null", [""], false), ("null", [], false), ("null", ["same-origin, x"], false),
      ("null ,null", ["same-origin"], false), ("https://b.example", ["same-origin"], false),
      ("", ["same-origin"], false),
    ] as [(String, [String], Bool)])
  func withoutReferrers(origin: String, sites: [String], isOwn: Bool) throws {
    let (head, bytes) = try requestHead(
      "POST / HTTP/1.1\r\nHost: a.example\r\nOrigin: \(origin)\r\nSec-Fetch-Mode: navigate\r\n"
        + sites.map { "Sec-Fetch-Site: \($0)\r\n" }.joined() + "\r\n")
    #expect(RequestOrigin.isOwn(head, bytes.span) == isOwn)
    let isOwnForUpgrade = RequestOrigin.isOwn(head, bytes.span, for: .upgrade)
    #expect(!isOwnForUpgrade)
  }

  @Test(
    "C-8, C-14: what came in clear is no page of a host that is known to be spoken to by TLS",
    arguments: [
      ("", false, true), ("Cookie: a=1; __Host-x=2", false, false), ("Cookie: __Secure-x=2", false, false),
      ("Cookie: a=__Host-x", false, true), ("Cookie: x__Host-=1", false, true), ("", true, false),
    ] as [(String, Bool, Bool)])
  func schemes(line: String, isSecure: Bool, isOwn: Bool) throws {
    for (origin, expected) in [("http://a.example", isOwn), ("https://a.example", true)] {
      let (head, bytes) = try requestHead(
        "GET / HTTP/1.1\r\nHost: a.example\r\nOrigin: \(origin)\r\n" + (line.isEmpty ? "" : line + "\r\n") + "\r\n")
      #expect(RequestOrigin.isOwn(head, bytes.span, isSecure: isSecure) == expected)
    }
  }
}
