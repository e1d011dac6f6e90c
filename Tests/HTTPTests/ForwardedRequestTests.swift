import HTTP
import Reason
import Testing

@Suite("What proxies in front say")
struct ForwardedRequestTests {
  /// 10.0.0.0/8 and ::1 are proxies.
  static func read(_ lines: [String]) throws(ForwardedError) -> ForwardedRequest {
    let text = "GET / HTTP/1.1\r\nHost: a\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
    let bytes = Array(text.utf8)
    var head = RequestHead(fieldsMax: 100)
    let isWhole = try? RequestHeadParser.parse(
      bytes.span, from: 0, limits: HeadLimits(), scheme: .http, into: &head)
    precondition(isWhole == true)
    let trusted = [("10.0.0.0", 8), ("::1", 128)].compactMap { text, length in
      IPAddress(text).flatMap { AddressBlock($0, prefixLength: length) }
    }
    return try ForwardedRequest(head, bytes.span, trusted: trusted)
  }

  static func read(_ lines: String...) throws(ForwardedError) -> ForwardedRequest { try read(lines) }

  static func route(_ lines: String...) throws -> [String] { try read(lines).route.map(\.text) }

  @Test("The client is the last one that is no proxy")
  func client() throws {
    #expect(try Self.route() == [])
    #expect(try Self.route("X-Forwarded-For: 192.0.2.1") == ["192.0.2.1"])
    #expect(try Self.route("X-Forwarded-For: 6.6.6.6, 192.0.2.1") == ["192.0.2.1"])
    let chain = try Self.route("X-Forwarded-For: 6.6.6.6, 192.0.2.1, 10.1.1.1,10.2.2.2")
    #expect(chain == ["192.0.2.1", "10.1.1.1", "10.2.2.2"])
    #expect(try Self.route("X-Forwarded-For: 10.1.1.1, 10.2.2.2") == ["10.1.1.1", "10.2.2.2"], "all are proxies")
    #expect(try Self.route("X-Forwarded-For: 6.6.6.6", "X-Forwarded-For: 192.0.2.1") == ["192.0.2.1"], "two lines")
    #expect(try Self.route("x-forwarded-for: <script>, 192.0.2.1") == ["192.0.2.1"], "what comes before is not read")
    #expect(try Self.route("X-Forwarded-For: , 192.0.2.1 ,") == ["192.0.2.1"])
    #expect(try Self.route("X-Forwarded-For: 192.0.2.1:4711") == ["192.0.2.1"])
    #expect(try Self.route("X-Forwarded-For: 2001:DB8::1, [::1]:80") == ["2001:db8::1", "::1"])
    #expect(try Self.route("X-Forwarded-For: [2001:db8::1]") == ["2001:db8::1"])
    #expect(try Self.route("X-Forwarded-For: ::ffff:10.0.0.1, 10.0.0.2") == ["10.0.0.1", "10.0.0.2"])
  }

  @Test("Forwarded says the same in another form")
  func forwarded() throws {
    #expect(try Self.route("Forwarded: for=192.0.2.1") == ["192.0.2.1"])
    #expect(try Self.route("Forwarded: For=\"[2001:db8::1]:80\";proto=https;by=10.0.0.3") == ["2001:db8::1"])
    #expect(try Self.route("Forwarded: for=6.6.6.6, for=192.0.2.1 , for=10.1.1.1") == ["192.0.2.1", "10.1.1.1"])
    #expect(try Self.route("Forwarded: for=6.6.6.6", "Forwarded: for=192.0.2.1") == ["192.0.2.1"])
    #expect(try Self.route("Forwarded: , ;for=\"192.0.2.1\";;, ") == ["192.0.2.1"])
    #expect(try Self.route("Forwarded: for=192.0.2.1", "X-Forwarded-For: 192.0.2.1") == ["192.0.2.1"])
    let said = try Self.read(
      "Forwarded: for=192.0.2.1;proto=HTTPS;host=\"a.example:8443\", for=10.1.1.1;proto=http;host=in")
    #expect(said.scheme == .https)
    #expect(said.authority.count == "a.example:8443".utf8.count)
  }

  @Test("Scheme, host and port are those of whoever appended the client")
  func beside() throws {
    let one = try Self.read(
      "X-Forwarded-For: 192.0.2.1, 10.1.1.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: a.example",
      "X-Forwarded-Port: 443")
    #expect(one.scheme == .https && one.authority.count == 9 && one.port == 443)
    let each = try Self.read(
      "X-Forwarded-For: 6.6.6.6, 192.0.2.1, 10.1.1.1", "X-Forwarded-Proto: http, https, http",
      "X-Forwarded-Port: 1, 443, 80")
    #expect(each.scheme == .https && each.port == 443)
    let alone = try Self.read("X-Forwarded-Proto: https")
    #expect(alone.scheme == .https && alone.client == nil)
  }

  @Test(
    "Refused: no address, no scheme, two stories",
    arguments: [
      ["X-Forwarded-For: unknown"], ["X-Forwarded-For: 192.0.2.1, _hidden"], ["X-Forwarded-For: x, 10.1.1.1"],
      ["X-Forwarded-For: 1.2.3.4:x"], ["X-Forwarded-For: [1.2.3.4]"], ["X-Forwarded-For: [::1"],
      ["X-Forwarded-For: 1.2.3.4:99999"], ["X-Forwarded-For: [::1]x"], ["X-Forwarded-For: 192.0.2.1 10.0.0.1"],
      ["Forwarded: for=unknown"], ["Forwarded: for=\"\""], ["Forwarded: for="], ["Forwarded: for"],
      ["Forwarded: for=\"192.0.2.1"], ["Forwarded: for=\"192.0.\\2.1\""], ["Forwarded: for=1.1.1.1;for=2.2.2.2"],
      ["Forwarded: for=1.1.1.1 for=2.2.2.2"], ["Forwarded: for=1.1.1.1;proto=https;proto=http"],
      ["Forwarded: for=\", for=\"[2001:db8::1]\""], ["Forwarded: proto=https"],
      ["Forwarded: for=1.1.1.1", "X-Forwarded-For: 2.2.2.2"],
      ["Forwarded: for=1.1.1.1;proto=http", "X-Forwarded-For: 1.1.1.1", "X-Forwarded-Proto: https"],
      ["Forwarded: for=1.1.1.1;host=a", "X-Forwarded-For: 1.1.1.1", "X-Forwarded-Host: b"],
      ["X-Forwarded-For: 1.1.1.1", "X-Forwarded-Proto: https, http"], ["X-Forwarded-Proto: ftp"],
      ["X-Forwarded-Port: 0"], ["X-Forwarded-Port: 65536"], ["X-Forwarded-Port: 0443"], ["X-Forwarded-Host: a/b"],
      ["X-Forwarded-Host: u@a"], ["X-Forwarded-For: 1.1.1.1", "X-Forwarded-Host: a, b"],
    ])
  func refused(lines: [String]) throws {
    let error = #expect(throws: ForwardedError.self) { try Self.read(lines) }
    #expect(error?.reason == .forwardedInvalid)
  }
}
