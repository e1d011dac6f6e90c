import HTTP
import Reason
import Sockets
import Testing

@testable import Proxy

@Suite("Who the client is")
struct ClientTests {
  static let routes = """
      - { path: /a, auth: none, upstream: echo }
      - { path: /inside, auth: none, clients: { allow: [10.0.0.0/8, 192.0.2.0/24], deny: [192.0.2.66] }, upstream: echo }
    """

  static func gateway(_ peer: String, trusting: String = "10.0.0.0/8, \"::1\"", port: UInt16 = 8080) throws
    -> DecidingGateway
  {
    let gateway = try DecidingGateway(
      routes: routes, top: trusting.isEmpty ? "" : "trusted_proxies: [\(trusting)]")
    gateway.peer = Peer(AddressText(peer), port: port)
    return gateway
  }

  @Test("I-7: nobody is believed who is not listed", arguments: ["", "10.0.0.0/8"])
  func unlisted(trusting: String) throws {
    let gateway = try Self.gateway("192.0.2.9", trusting: trusting)
    let head = try gateway.forwarded(
      "GET /a", "X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil",
      "X-Forwarded-Port: 443", "Forwarded: for=6.6.6.6;proto=https", "X-Request-Id: evil")
    #expect(head.values("X-Forwarded-For") == ["192.0.2.9"])
    #expect(head.values("X-Forwarded-Proto") == ["http"])
    #expect(head.values("X-Forwarded-Host") == ["a.example"])
    #expect(head.values("X-Forwarded-Port") == ["8080"])
    #expect(head.values("Forwarded") == ["for=192.0.2.9;proto=http;host=\"a.example\""])
    #expect(!head.text.contains("evil") && !head.text.contains("6.6.6.6"))
  }

  @Test("What a trusted proxy says goes on, with the proxy behind it")
  func listed() throws {
    let gateway = try Self.gateway("10.0.0.2")
    let head = try gateway.forwarded(
      "GET /a", "X-Forwarded-For: 6.6.6.6, 2001:db8::1, 10.0.0.1", "X-Forwarded-Proto: https",
      "X-Forwarded-Host: shop.example:8443", "X-Forwarded-Port: 8443", "X-Request-Id: 0192-ab.c_D")
    #expect(head.values("X-Forwarded-For") == ["2001:db8::1, 10.0.0.1, 10.0.0.2"])
    #expect(head.values("X-Forwarded-Proto") == ["https"])
    #expect(head.values("X-Forwarded-Host") == ["shop.example:8443"])
    #expect(head.values("X-Forwarded-Port") == ["8443"])
    #expect(
      head.values("Forwarded") == [
        "for=\"[2001:db8::1]\";proto=https;host=\"shop.example:8443\", for=10.0.0.1, "
          + "for=10.0.0.2;proto=http;host=\"a.example\""
      ])
    #expect(head.values("X-Request-Id") == ["0192-ab.c_D"])
    #expect(gateway.exchange.requestID.text == "0192-ab.c_D")
    #expect(gateway.exchange.log.client.withBytes { $0.count } == "2001:db8::1".utf8.count)
  }

  @Test("What a trusted proxy does not say is not made up")
  func silent() throws {
    let gateway = try Self.gateway("10.0.0.2")
    let head = try gateway.forwarded("GET /a")
    #expect(head.values("X-Forwarded-For") == ["10.0.0.2"])
    #expect(head.values("X-Forwarded-Port").isEmpty)
    #expect(head.values("Forwarded") == ["for=10.0.0.2;proto=http;host=\"a.example\""])
    let half = try gateway.forwarded("GET /a", "Forwarded: for=192.0.2.1")
    #expect(half.values("Forwarded") == ["for=192.0.2.1, for=10.0.0.2;proto=http;host=\"a.example\""])
    #expect(half.values("X-Forwarded-For") == ["192.0.2.1, 10.0.0.2"])
  }

  @Test(
    "A request id that is not a name is not taken",
    arguments: ["a b", "a\"b", "<x>", "", String(repeating: "a", count: 65)])
  func requestIDs(name: String) throws {
    let gateway = try Self.gateway("10.0.0.2")
    let head = try gateway.forwarded("GET /a", "X-Request-Id: \(name)")
    #expect(head.values("X-Request-Id") == [gateway.exchange.requestID.text])
    #expect(gateway.exchange.requestID.text.count == 32)
    let twice = try gateway.forwarded("GET /a", "X-Request-Id: one", "X-Request-Id: two")
    #expect(twice.values("X-Request-Id").first?.count == 32)
  }

  @Test("A trusted proxy that contradicts itself is refused")
  func contradicting() throws {
    let gateway = try Self.gateway("10.0.0.2")
    let decision = try gateway.decide("GET /a", "X-Forwarded-For: 1.1.1.1", "Forwarded: for=2.2.2.2")
    #expect(decision.reason == .forwardedInvalid)
  }

  @Test("A route that is for some clients looks at whom the proxy names")
  func clients() throws {
    #expect(try Self.gateway("192.0.2.1").decide("GET /inside").reason == nil)
    #expect(try Self.gateway("192.0.2.66").decide("GET /inside").reason == .clientRefused)
    #expect(try Self.gateway("198.51.100.1").decide("GET /inside").reason == .clientRefused)
    #expect(try Self.gateway("").decide("GET /inside").reason == .clientRefused, "of a unix socket nobody knows")
    let proxy = try Self.gateway("10.0.0.2")
    #expect(try proxy.decide("GET /inside").reason == nil)
    #expect(try proxy.decide("GET /inside", "X-Forwarded-For: 198.51.100.1").reason == .clientRefused)
    #expect(try proxy.decide("GET /inside", "X-Forwarded-For: 10.9.9.9, 198.51.100.1").reason == .clientRefused)
    let stranger = try Self.gateway("198.51.100.1")
    #expect(try stranger.decide("GET /inside", "X-Forwarded-For: 10.0.0.1").reason == .clientRefused)
  }

  @Test("unix in trusted_proxies is whoever connects to a unix socket")
  func unixPeers() throws {
    let trusting = try Self.gateway("", trusting: "unix", port: 0)
    let head = try trusting.forwarded("GET /a", "X-Forwarded-For: 192.0.2.1")
    #expect(head.values("X-Forwarded-For") == ["192.0.2.1"])
    #expect(head.values("Forwarded") == ["for=192.0.2.1, for=unknown;proto=http;host=\"a.example\""])
    let not = try Self.gateway("", port: 0).forwarded("GET /a", "X-Forwarded-For: 192.0.2.1")
    #expect(not.values("X-Forwarded-For").isEmpty)
  }

  @Test("A trace goes on, or begins with the request's id")
  func traces() throws {
    let gateway = try Self.gateway("192.0.2.9")
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    let kept = try gateway.forwarded("GET /a", "tracestate: a=1", "Traceparent: \(parent)", "tracestate: b=2")
    #expect(kept.values("traceparent") == [parent])
    #expect(kept.values("tracestate") == ["a=1", "b=2"])
    for lines in [["tracestate: a=1"], ["traceparent: \(parent)x", "tracestate: a=1"]] {
      let begun =
        lines.count == 1
        ? try gateway.forwarded("GET /a", lines[0]) : try gateway.forwarded("GET /a", lines[0], lines[1])
      let made = try #require(begun.values("traceparent").first)
      #expect(made.hasPrefix("00-\(gateway.exchange.requestID.text)-") && made.hasSuffix("-01") && made.count == 55)
      #expect(begun.values("tracestate").isEmpty)
    }
    let two = try gateway.forwarded("GET /a", "traceparent: \(parent)", "traceparent: \(parent)")
    #expect(two.values("traceparent").count == 1 && two.values("traceparent") != [parent])
  }

  @Test("Connections of an address are counted together, those of an IPv6 network too")
  func counts() throws {
    func key(_ text: String) throws -> IPAddress { try #require(IPAddress(text)).counted }
    let counts = ConnectionsPerAddress()
    let one = try key("192.0.2.1")
    #expect(counts.open(one, most: 2) && counts.open(one, most: 2) && !counts.open(one, most: 2))
    #expect(counts.open(try key("192.0.2.2"), most: 2))
    counts.close(one)
    #expect(counts.open(one, most: 2) && !counts.open(one, most: 2))
    #expect(try key("2001:db8::1") == key("2001:db8::ffff:1"))
    #expect(try key("2001:db8::1") != key("2001:db8:0:1::1"))
    #expect(try key("::ffff:192.0.2.1") == one)
  }
}
