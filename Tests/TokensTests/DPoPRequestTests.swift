import Testing

@testable import Tokens

@Suite("DPoP target URIs")
struct DPoPRequestTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let text: String
    let isMeant: Bool
    var scheme = DPoPRequest.Scheme.http
    var host = "api.example"
    var port: UInt16?
    var path = "/orders"
    var testDescription: String { "\(text) for \(scheme) \(host):\(port.map { "\($0)" } ?? "") \(path)" }
  }

  static let rows = [
    Row(text: "https://api.example/orders", isMeant: true),
    Row(text: "http://api.example/orders", isMeant: true),
    Row(text: "https://api.example/orders", isMeant: true, scheme: .https),
    Row(text: "http://api.example/orders", isMeant: false, scheme: .https),
    Row(text: "ftp://api.example/orders", isMeant: false),
    Row(text: "wss://api.example/orders", isMeant: false),
    Row(text: "//api.example/orders", isMeant: false),
    Row(text: "/orders", isMeant: false),
    Row(text: "api.example/orders", isMeant: false),
    Row(text: "", isMeant: false),
    Row(text: "https:", isMeant: false),
    Row(text: "https://", isMeant: false),
    Row(text: "https:///orders", isMeant: false),
    Row(text: "https:/api.example/orders", isMeant: false),
    Row(text: " https://api.example/orders", isMeant: false),
    Row(text: "https://api.example/orders ", isMeant: false),

    // §6.2.2.1: case, of scheme and host alone.
    Row(text: "HTTPS://API.Example/orders", isMeant: true),
    Row(text: "https://api.example/orders", isMeant: true, host: "API.EXAMPLE"),
    Row(text: "https://api.example/Orders", isMeant: false),
    Row(text: "https://api.example./orders", isMeant: true),
    Row(text: "https://api.example../orders", isMeant: false),
    Row(text: "https://other.example/orders", isMeant: false),
    Row(text: "https://xapi.example/orders", isMeant: false),
    Row(text: "https://api.example.evil.example/orders", isMeant: false),
    Row(text: "https://api.example@evil.example/orders", isMeant: false),
    Row(text: "https://evil.example@api.example/orders", isMeant: false),
    Row(text: "https://api.example\\@evil.example/orders", isMeant: false),
    Row(text: "https://%61pi.example/orders", isMeant: false),

    // §6.2.3: ports.
    Row(text: "https://api.example:443/orders", isMeant: true),
    Row(text: "https://api.example:/orders", isMeant: true),
    Row(text: "http://api.example:80/orders", isMeant: true),
    Row(text: "https://api.example:80/orders", isMeant: false),
    Row(text: "https://api.example:8443/orders", isMeant: false),
    Row(text: "https://api.example:8443/orders", isMeant: true, port: 8443),
    Row(text: "http://api.example:8443/orders", isMeant: true, port: 8443),
    Row(text: "https://api.example/orders", isMeant: false, port: 8443),
    Row(text: "https://api.example/orders", isMeant: true, port: 443),
    Row(text: "http://api.example/orders", isMeant: false, port: 443),
    Row(text: "http://api.example/orders", isMeant: true, port: 80),
    Row(text: "https://api.example:65536/orders", isMeant: false),
    Row(text: "https://api.example:65979/orders", isMeant: false),
    Row(text: "https://api.example:000443/orders", isMeant: false),
    Row(text: "https://api.example:4x3/orders", isMeant: false),
    Row(text: "https://api.example:+443/orders", isMeant: false),
    Row(text: "https://[::1]/orders", isMeant: true, host: "[::1]"),
    Row(text: "https://[::1]:8443/orders", isMeant: true, host: "[::1]", port: 8443),
    Row(text: "https://[::2]/orders", isMeant: false, host: "[::1]"),
    Row(text: "https://[FE80::A]/orders", isMeant: true, host: "[fe80::a]"),

    // §4.3: query and fragment are ignored.
    Row(text: "https://api.example/orders?x=1", isMeant: true),
    Row(text: "https://api.example/orders#x", isMeant: true),
    Row(text: "https://api.example/orders?/other#x", isMeant: true),
    Row(text: "https://evil.example?https://api.example/orders", isMeant: false),
    Row(text: "https://api.example?x", isMeant: true, path: "/"),

    // §6.2.2.2: escapes.
    Row(text: "https://api.example/%6frders", isMeant: true),
    Row(text: "https://api.example/%6Frders", isMeant: true),
    Row(text: "https://api.example/a%2fb", isMeant: true, path: "/a%2Fb"),
    Row(text: "https://api.example/a/b", isMeant: false, path: "/a%2Fb"),
    Row(text: "https://api.example/a%2Fb", isMeant: false, path: "/a/b"),
    Row(text: "https://api.example/%7euser%2D%5f%2e", isMeant: true, path: "/~user-_."),
    Row(text: "https://api.example/caf%c3%a9", isMeant: true, path: "/caf%C3%A9"),
    Row(text: "https://api.example/caf\u{E9}", isMeant: false, path: "/caf%C3%A9"),
    Row(text: "https://api.example/orders%", isMeant: false),
    Row(text: "https://api.example/orders%2", isMeant: false),
    Row(text: "https://api.example/orders%zz", isMeant: false),
    Row(text: "https://api.example/orders%00", isMeant: false),
    Row(text: "https://api.example/orders%250", isMeant: true, path: "/orders%250"),

    // §6.2.2.3: a request has no dot segments.
    Row(text: "https://api.example/x/../orders", isMeant: false),
    Row(text: "https://api.example/./orders", isMeant: false),
    Row(text: "https://api.example/orders/", isMeant: false),
    Row(text: "https://api.example//orders", isMeant: false),
    Row(text: "https://api.example", isMeant: true, path: "/"),
    Row(text: "https://api.example/", isMeant: true, path: "/"),
    Row(text: "https://api.example/orders", isMeant: true, path: "/%6frders"),
  ]

  @Test("RFC 9449 §4.3 (9), RFC 3986 §6.2: htu is compared without query and fragment, normalized", arguments: rows)
  func targets(_ row: Row) {
    let request = DPoPRequest(
      method: [], scheme: row.scheme, host: Array(row.host.utf8), port: row.port, path: Array(row.path.utf8))
    #expect(request.isMeant(by: row.text) == row.isMeant)
  }
}
