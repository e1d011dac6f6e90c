import Configuration
import Foundation
import Testing

@testable import Probe

@Suite("What is probed")
struct ProbedRouteTests {
  /// Where a test is of something else than the tricks: all of them are thousands of requests.
  private static let fieldAsItIs = FieldTricks(
    ofFields: Array(FieldTrick.spellings.prefix(1)), ofListedFields: Array(FieldTrick.spellings.prefix(1)))

  private func configuration(_ routes: String, _ top: String = "", providers: String = "") throws
    -> GatewayConfiguration
  {
    let text = """
      listeners: [{ address: 127.0.0.1:8080 }]
      \(top)
      providers:
        company: { issuer: https://a.example, audiences: [x], jwks_url: https://a.example/k }
        browser:
          { issuer: https://b.example, audiences: [x], jwks_url: https://b.example/k, token_from: ["cookie:session"] }
      \(providers)
      upstreams: { app: { servers: ["127.0.0.1:9"] } }
      routes:
      \(routes)
      """
    return try GatewayConfiguration.parse(
      Array(text.utf8), file: "gateway.conf", environment: [:], processorCount: 1
    ).get()
  }

  @Test("Each route by nobody, where that may pass, and by somebody of each provider")
  func senders() throws {
    let probed = try configuration(
      """
        - { name: open, path: /open, auth: none, upstream: app }
        - { name: both, path: /both, auth: [company, browser], anonymous: allow, upstream: app }
        - { name: browser, path: /browser, auth: browser, upstream: app }
        - { name: get, path: /n, methods: [GET], auth: none, upstream: app }
        - { name: post, path: /n, methods: [POST], auth: none, upstream: app }
        - { name: never, path: /n, methods: [GET, POST], auth: company, upstream: app }
      """
    ).forProbe(upstreamPort: 9)
    let (routes, unreached) = ProbedRoute.all(of: probed)
    #expect(
      routes.map { $0.senders.map(\.name) } == [["nobody"], ["nobody", "company", "browser"], ["browser"]])
    #expect(unreached == ["never"])
    // Where its own tokens stand.
    #expect(routes[2].senders[0].places == [.cookie("session")])
    #expect(routes[2].cookieNames == ["session"])
  }

  @Test("A request is tried as nobody and as somebody; all is said of a route that none reaches")
  func wholeRun() throws {
    let report = try ProbeRun.report(
      on: configuration(
        """
          - { name: browser, path: /n, methods: [GET], auth: browser, anonymous: allow, upstream: app }
          - { name: post, path: /n, methods: [POST], auth: browser, anonymous: allow, upstream: app }
          - { name: never, path: /n, methods: [GET, POST], auth: company, upstream: app }
        """))
    #expect(report.routes.map(\.name) == ["browser, as nobody", "browser, as browser", "never"])
    #expect(report.routes[2].fault?.contains("no request reaches it") == true)
    #expect(!report.isProof && report.arrived.isEmpty)
    #expect(
      report.results.contains { $0.subject == "token" && $0.trick == "cookie session" && $0.verdict == .stripped })
    #expect(report.results.allSatisfy { $0.verdict.isProof })
    // Two requests, of which the second is refused.
    #expect(
      report.results.first { $0.subject == "Content-Length" && $0.trick == "second request" }?.verdict
        == .refused(status: 400, reason: "content_length_invalid"))
  }

  @Test(
    "A proxy asks about a route as nobody and as somebody; not with a certificate, nor with a handshake's token alone")
  func questions() throws {
    let report = try ProbeRun.report(
      on: configuration(
        """
          - { name: both, path: /n, auth: browser, anonymous: allow, upstream: app }
          - { name: ws, path: /ws, auth: socket, upstream: app }
        """, "forward_auth: { path: /verify, peers: [unix] }",
        providers: """
            socket:
              { issuer: https://c.example, audiences: [x], jwks_url: https://c.example/k, token_from: [websocket_protocol] }
          """), trying: ProbedRouteTests.fieldAsItIs)
    #expect(
      report.routes.map(\.name) == [
        "both, as nobody", "both, as browser", "both, as nobody (forward_auth)", "both, as browser (forward_auth)",
        "ws",
      ])
    #expect(report.isProof)
  }

  @Test("Requests are sent with what the route takes: a WebSocket's token, a session, a token that is introspected")
  func credentials() throws {
    let secret = FileManager.default.temporaryDirectory.appending(path: "probe-\(UUID()).secret").path
    #expect(
      FileManager.default.createFile(atPath: secret, contents: Data("x".utf8), attributes: [.posixPermissions: 0o600]))
    defer { try? FileManager.default.removeItem(atPath: secret) }
    let report = try ProbeRun.report(
      on: configuration(
        """
          - { name: page, path: /page, methods: [POST, GET], auth: [socket, page, company], upstream: app }
          - { name: ws, path: /ws, auth: socket, upstream: app }
          - { name: opaque, path: /opaque, auth: asked, upstream: app }
          - { name: post, path: /post, methods: [POST], auth: [socket, company], upstream: app }
          - { name: none, path: /none, auth: socket, upgrade: none, upstream: app }
        """,
        providers: """
            socket:
              { issuer: https://c.example, audiences: [x], jwks_url: https://c.example/k, token_from: [websocket_protocol] }
            page:
              issuer: https://d.example
              audiences: [x]
              token_from: [authorization, websocket_protocol]
              code_flow: { client_id: x, url: "https://app.example", state: /tmp }
            asked:
              issuer: https://e.example
              audiences: [x]
              introspection: { url: https://e.example/i, client_id: x, client_secret_file: \(secret) }
          """), trying: ProbedRouteTests.fieldAsItIs)
    #expect(
      report.routes.map(\.name) == [
        "page, as socket", "page, as page", "page, as company", "ws", "opaque", "post", "none",
      ])
    #expect(report.routes.compactMap(\.fault).map { $0.contains("only from WebSocket handshakes") } == [true])
    #expect(report.routes.last?.fault != nil && report.arrived.isEmpty)
    let tried = report.results.filter { $0.subject == "token" }
    #expect(
      tried.map { "\($0.trick) on \($0.route)" } == [
        "WebSocket protocol on page, as socket", "Bearer on page, as page", "bearer on page, as page",
        "session __Host-portcullis_session on page, as page", "WebSocket protocol on page, as page",
        "Bearer on page, as company", "bearer on page, as company", "WebSocket protocol on ws", "Bearer on opaque",
        "bearer on opaque",
        "Bearer on post", "bearer on post",
      ])
    // Each was let through, so that it could have arrived.
    #expect(tried.allSatisfy { $0.verdict == .stripped }, "\(tried.map { $0.verdict.text })")
    // A field is looked for behind a handshake too.
    #expect(report.results.contains { $0.route == "ws" && $0.trick == "as it is" && $0.verdict == .stripped })
    // A session that nobody has given is none.
    #expect(
      report.results.contains {
        $0.route == "page, as socket" && $0.subject == "Cookie __Host-portcullis_session" && $0.verdict == .stripped
      })
  }

  @Test("Whoever trusts all proxies is shown what arrives; proxies elsewhere, and on this machine, are nobody's")
  func trustedProxies() throws {
    let route = "  - { name: open, path: /open, auth: none, upstream: app }"
    let all = try ProbeRun.report(
      on: configuration(route, "trusted_proxies: [0.0.0.0/0]"), trying: ProbedRouteTests.fieldAsItIs)
    #expect(Set(all.arrived.map(\.subject)).isSuperset(of: ["X-Forwarded-For", "X-Forwarded-Host", "X-Request-Id"]))
    #expect(!all.isProof)
    let some = try ProbeRun.report(
      on: configuration(route, "trusted_proxies: [10.0.0.0/8, 127.0.0.1, \"::1\"]"),
      trying: ProbedRouteTests.fieldAsItIs)
    #expect(some.isProof && some.arrived.isEmpty, "\(some.lines.filter { !$0[2].hasPrefix("s") }.prefix(3))")
  }
}
