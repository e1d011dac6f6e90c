import Configuration
import HTTP
import Reason
import Sockets
import Testing

@testable import Proxy

@Suite("What a route does beside authorizing")
struct RouteStepTests {
  private static let routes = """
      - name: listed
        path: /listed/**
        methods: [GET, PUT]
        auth: company
        cors: { origins: ["https://app.example", "http://localhost:3000"], credentials: true, max_age: 1h }
        upstream: echo
      - { name: other, path: /listed/**, methods: [OPTIONS], auth: none, upstream: echo }
      - { name: any, path: /any, auth: none, cors: { origins: ["*"], headers: [X-A], methods: [DELETE] }, upstream: echo }
      - { name: client, path: /client, auth: company, rate_limit: { by: client, rate: 1/h, burst: 2 }, upstream: echo }
      - name: subject
        path: /subject/**
        auth: company
        anonymous: allow
        rate_limit: { by: subject, rate: 2/h }
        upstream: echo
      - { name: unlimited, path: /big, auth: none, limits: { body: none }, upstream: echo }
      - { name: limited, path: /**, auth: none, upstream: echo }
    """

  private func gateway(keys: DecidingGateway.KeyState = .present) throws -> DecidingGateway {
    try DecidingGateway(routes: Self.routes, limits: "body: 10", keys: keys)
  }

  @Test("Fetch §3.2: a preflight is answered for the route that takes the method it asks about, without a token")
  func preflight() throws {
    let gateway = try gateway()
    let response = try gateway.decide(
      "OPTIONS /listed/x", "Origin: https://app.example", "Access-Control-Request-Method: PUT")
    guard case .answered(let response) = response else { throw NotForwarded(decision: response) }
    #expect(response.status == 204)
    #expect(
      response.fields == [
        "Access-Control-Allow-Origin: https://app.example", "Access-Control-Allow-Credentials: true", "Vary: Origin",
        "Access-Control-Allow-Methods: GET, PUT", "Access-Control-Allow-Headers: Authorization, Content-Type",
        "Access-Control-Max-Age: 3600",
      ])
    #expect(gateway.exchange.decision.route?.configuration.name == "listed")
    #expect(gateway.exchange.decision.corsFields == nil)
    let any = try gateway.decide("OPTIONS /any", "origin: null", "access-control-request-method: DELETE")
    guard case .answered(let any) = any else { throw NotForwarded(decision: any) }
    #expect(
      any.fields == [
        "Access-Control-Allow-Origin: *", "Access-Control-Allow-Methods: DELETE", "Access-Control-Allow-Headers: X-A",
      ])
  }

  @Test(
    "A preflight of an origin that is not listed, byte for byte, is refused",
    arguments: [
      "https://app.example.evil", "https://APP.example", "http://app.example", "https://app.example:443", "null", "",
      "https://app.example/", "https://app.example https://evil.example",
    ])
  func unlisted(origin: String) throws {
    let gateway = try gateway()
    let decision = try gateway.decide("OPTIONS /listed/x", "Origin: \(origin)", "Access-Control-Request-Method: GET")
    #expect(decision == .refused(.originRefused))
    #expect(gateway.challenge == nil && gateway.exchange.decision.corsFields == nil)
  }

  @Test("What is no preflight goes its way")
  func noPreflight() throws {
    let gateway = try gateway()
    // A method that the route with `cors` does not take.
    let head = try gateway.forwarded(
      "OPTIONS /listed/x", "Origin: https://app.example", "Access-Control-Request-Method: POST")
    #expect(head.requestLine == "OPTIONS /listed/x HTTP/1.1")
    #expect(gateway.exchange.decision.route?.configuration.name == "other")
    let (origin, asked) = ("Origin: https://app.example", "Access-Control-Request-Method: GET")
    _ = try gateway.forwarded("OPTIONS /listed/x", origin)
    _ = try gateway.forwarded("OPTIONS /listed/x", asked)
    _ = try gateway.forwarded("OPTIONS /listed/x", origin, origin, asked)
    // The path is checked as any is.
    #expect(
      try gateway.decide("OPTIONS /listed//x", "Origin: https://app.example", "Access-Control-Request-Method: GET")
        == .refused(.pathDoubleSlash))
  }

  @Test("Answers say whose pages may read them, refusals too")
  func responses() throws {
    let gateway = try gateway()
    func fields() -> String? { gateway.exchange.decision.corsFields.map { String(decoding: $0, as: UTF8.self) } }
    #expect(try gateway.decide("GET /listed/x", "Origin: http://localhost:3000") == .refused(.credentialMissing))
    #expect(
      fields()
        == "Access-Control-Allow-Origin: http://localhost:3000\r\nAccess-Control-Allow-Credentials: true\r\n"
        + "Vary: Origin\r\n")
    let token = "Authorization: Bearer \(try Issuer.token())"
    _ = try gateway.forwarded("GET /listed/x", "Origin: https://evil.example", token)
    #expect(fields() == "Vary: Origin\r\n")
    _ = try gateway.forwarded("GET /listed/x", token)
    #expect(fields() == "Vary: Origin\r\n")
    _ = try gateway.forwarded("GET /any")
    #expect(fields() == "Access-Control-Allow-Origin: *\r\n")
    _ = try gateway.forwarded("GET /any", "Origin: https://evil.example")
    #expect(fields() == "Access-Control-Allow-Origin: *\r\n")
    _ = try gateway.forwarded("GET /other")
    #expect(fields() == nil)
  }

  @Test(
    "C-14: an origin is trusted with a cookie for the methods that cors names, whether or not the browser asks before",
    arguments: [
      ("GET", false), ("POST", true), ("PUT", false), ("DELETE", true), ("PURGE", true),
    ])
  func trustedMethods(method: String, isRefused: Bool) throws {
    let gateway = try DecidingGateway(
      routes: """
            - name: all
              path: /all/**
              auth: company
              cors: { origins: ["https://app.example"], methods: [GET, PUT], credentials: true }
              upstream: echo
        """)
    let lines = ["Origin: https://app.example", "Sec-Fetch-Site: same-site"]
    let cookie = "Cookie: session=\(try Issuer.token())"
    let decision = try gateway.decide("\(method) /all/x", lines[0], lines[1], cookie)
    #expect(decision.reason == (isRefused ? .originRefused : nil))
    // What no browser adds by itself needs no trust.
    let token = "Authorization: Bearer \(try Issuer.token())"
    #expect(try gateway.decide("\(method) /all/x", lines[0], token).reason == nil)
  }

  @Test("A client is counted before its token is looked at, and once, also where it waits")
  func client() throws {
    let gateway = try gateway(keys: .coming)
    let token = "Authorization: Bearer \(try Issuer.token())"
    let text = "GET /client HTTP/1.1\r\nHost: a.example\r\n\(token)\r\n\r\n"
    #expect(try gateway.send(text) == .waiting(provider: 0))
    #expect(gateway.decideAgain(Array(text.utf8)) == .refused(.keysUnavailable))
    #expect(try gateway.decide("GET /client", "Authorization: Bearer x") == .refused(.tokenMalformed))
    #expect(try gateway.decide("GET /client", "Authorization: Bearer x") == .refused(.rateLimited))
    gateway.context.now = gateway.context.now + .seconds(3600)
    #expect(try gateway.decide("GET /client", "Authorization: Bearer x") == .refused(.tokenMalformed))
    #expect(try gateway.decide("GET /client") == .refused(.rateLimited))
  }

  @Test("A subject is counted once its token was found good; who has none, by address")
  func subject() throws {
    let gateway = try gateway()
    let (alice, bob) = (try Issuer.token("\"sub\":\"alice\""), try Issuer.token("\"sub\":\"bob\""))
    for _ in 0..<3 {
      #expect(try gateway.decide("GET /subject/x", "Authorization: Bearer x") == .refused(.tokenMalformed))
    }
    for token in [alice, bob] {
      for _ in 0..<2 { _ = try gateway.forwarded("GET /subject/x", "Authorization: Bearer \(token)") }
      #expect(try gateway.decide("GET /subject/y", "Authorization: Bearer \(token)") == .refused(.rateLimited))
    }
    // Another token of the same subject.
    let second = try Issuer.token("\"sub\":\"alice\",\"jti\":\"2\"")
    #expect(try gateway.decide("GET /subject/x", "Authorization: Bearer \(second)") == .refused(.rateLimited))
    for _ in 0..<2 { _ = try gateway.forwarded("GET /subject/x") }
    #expect(try gateway.decide("GET /subject/x") == .refused(.rateLimited))
    #expect(
      try gateway.decide("GET /subject/x", "Authorization: Bearer \(try Issuer.token())") == .refused(.rateLimited))
  }

  @Test("A route's body limit is its own, and none is none")
  func bodies() throws {
    let gateway = try gateway()
    _ = try gateway.forwarded("POST /big", "Content-Length: 1000000")
    #expect(try gateway.decide("POST /x", "Content-Length: 11") == .refused(.bodyTooLarge))
    _ = try gateway.forwarded("POST /x", "Content-Length: 10")
  }
}
