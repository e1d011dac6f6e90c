import Configuration
import Testing

@testable import Probe

@Suite("What is probed")
struct ProbedRouteTests {
  private func configuration(_ routes: String, _ top: String = "") throws -> GatewayConfiguration {
    let text = """
      listeners: [{ address: 127.0.0.1:8080 }]
      \(top)
      providers:
        company: { issuer: https://a.example, audiences: [x], jwks_url: https://a.example/k }
        browser:
          { issuer: https://b.example, audiences: [x], jwks_url: https://b.example/k, token_from: ["cookie:session"] }
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
    #expect(routes[2].senders[0].readsAuthorization == false && routes[2].senders[0].cookies == ["session"])
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

  @Test("Whoever trusts all proxies is shown what arrives; proxies elsewhere, and on this machine, are nobody's")
  func trustedProxies() throws {
    let route = "  - { name: open, path: /open, auth: none, upstream: app }"
    let all = try ProbeRun.report(on: configuration(route, "trusted_proxies: [0.0.0.0/0]"))
    #expect(Set(all.arrived.map(\.subject)).isSuperset(of: ["X-Forwarded-For", "X-Forwarded-Host", "X-Request-Id"]))
    #expect(!all.isProof)
    let some = try ProbeRun.report(on: configuration(route, "trusted_proxies: [10.0.0.0/8, 127.0.0.1, \"::1\"]"))
    #expect(some.isProof && some.arrived.isEmpty, "\(some.lines.filter { !$0[2].hasPrefix("s") }.prefix(3))")
  }
}
