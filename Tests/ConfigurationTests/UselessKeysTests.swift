import TestSupport
import Testing

@testable import Configuration

@Suite("Keys that do nothing beside another one")
struct UselessKeysTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let sample: Sample
    let fault: String
    var testDescription: String { fault }

    init(_ sample: Sample, _ fault: String) {
      self.sample = sample
      self.fault = fault
    }

    static func redirect(_ keys: String) -> Sample {
      var sample = Sample(routes: "routes:\n  - { path: /api, auth: local, redirect: /new, \(keys) }\n")
      sample.upstreams = ""
      return sample
    }

    static func builtin(_ keys: String) -> Sample {
      Sample(upstreams: "upstreams:\n  echo: { builtin: echo, \(keys) }\n")
    }

    static func top(_ keys: String) -> Sample { Sample(top: keys + "\n") }

    static func signing(_ keys: String, _ more: String = "") -> Sample {
      .provider(more, source: "signing: { state: state\(keys) }")
    }
  }

  private static let origins = "origins: [\"https://a.example\"]"

  @Test(
    "Each is said, where it stands",
    arguments: [
      Row(.route("auth: none\n    token: forward"), "14:5: \"token\" with auth: none; nobody is asked for a token"),
      Row(
        .route("auth: none\n    on_expiry: keep"), "14:5: \"on_expiry\" with auth: none; nobody is asked for a token"),
      Row(
        .route("auth: none\n    identity: { X-A: sub }"),
        "14:5: \"identity\" with auth: none; nobody is asked for a token"),
      Row(
        .route("auth: local\n    upgrade: none\n    on_expiry: keep"),
        "15:5: \"on_expiry\" with upgrade: none; there are no tunnels"),
      Row(Row.redirect("upgrade: none"), "9:48: \"upgrade\" with \"redirect\"; nothing goes to an upstream"),
      Row(Row.redirect("on_expiry: keep"), "9:48: \"on_expiry\" with \"redirect\"; nothing goes to an upstream"),
      Row(Row.builtin("retries: 2"), "9:26: \"retries\" together with \"builtin\"; it applies to servers"),
      Row(Row.builtin("timeouts: { idle: 1s }"), "9:26: \"timeouts\" together with \"builtin\"; it applies to servers"),
      Row(
        .route("auth: local\n    methods: [GET]\n    cors: { \(origins), methods: [GET, HEAD, PUT] }"),
        "15:54: PUT is not among the \"methods\" of the route"),
      Row(
        .route("auth: local\n    headers: { set: { Sec-WebSocket-Key: a } }"),
        "14:23: \"Sec-WebSocket-Key\" cannot be changed by a route; "
          + "the gateway itself sets or removes it where necessary"),
      Row(
        .route("auth: local\n    headers: { remove: [sec_websocket_protocol] }"),
        "14:25: \"sec_websocket_protocol\" cannot be changed by a route; "
          + "the gateway itself sets or removes it where necessary"),
      Row(
        .route("auth: local\n    identity: { Sec-WebSocket-Key: sub }"),
        "14:17: \"Sec-WebSocket-Key\" means something else to servers; choose another"),
      Row(
        .route("auth: local\n    try: { require: { roles: [a] }, budget: 5% }"),
        "14:37: \"budget\" without \"enforce\"; nothing is enforced"),
      Row(.provider("try: { audiences: [b], per: 1h }"), "8:28: \"per\" without \"enforce\"; nothing is enforced"),
      Row(
        .provider("refresh: { every: 1m }", source: "jwks_file: /dev/null"),
        "8:16: \"every\" together with \"jwks_file\"; nothing is fetched from this issuer"),
      Row(
        Row.signing("", "refresh: { stale_for: 1h }"),
        "8:16: \"stale_for\" together with \"signing\"; nothing is fetched from this issuer"),
      Row(
        Row.signing(", rotate_every: none, keep_for: 2d"),
        "7:50: \"keep_for\" with rotate_every: none; keys are deleted by hand"),
      Row(
        Row.top("log: { access: off, claims: rules }"), "3:29: \"claims\" with access: off, which writes no lines"),
      Row(
        Row.top("forward_auth: { path: /v/**, peers: [127.0.0.1] }"),
        "3:23: \"/v/**\" cannot be one of the gateway's own paths; write /.portcullis/verify"),
    ])
  func useless(_ row: Row) {
    #expect(faults(row.sample.text) == [row.fault])
  }

  @Test(
    "What is tried may be left there when it is required: a warning",
    arguments: [
      Row(
        .route("auth: local\n    require: { roles: [a] }\n    try: { require: { roles: [a] } }"),
        "15:12: the route requires all of this already: nothing is tried"),
      Row(
        .provider("max_age: 1h\n    try: { max_age: 1h }"),
        "9:21: \"max_age\" is not shorter than the provider's, which is 1h: nothing is tried"),
      Row(
        .provider("try: { audiences: [b, example] }"),
        "8:23: \"audiences\" lacks none of the provider's own: nothing is tried"),
      Row(
        .provider("require: { typ: at+jwt, claims: [a, b] }\n    try: { require: { claims: [b] } }"),
        "9:12: the provider requires all of this already: nothing is tried"),
    ])
  func idle(_ row: Row) throws {
    #expect(try configuration(row.sample.text).warnings.map(\.description) == ["gateway.conf:\(row.fault)"])
  }

  @Test("What may be meant is not reported")
  func useful() throws {
    // The proxy that asks replaces the header by the response's, which is empty.
    var asked = Sample.route("auth: none\n    identity: { X-A: sub }")
    asked.top = "forward_auth: { path: /verify, peers: [127.0.0.1] }\n"
    for sample in [
      asked, .route("auth: local\n    try: { require: { roles: [a] }, enforce: off, budget: 5% }"),
      .route("auth: local\n    require: { roles: [a] }\n    try: { require: { roles: [a], scopes: [b] } }"),
      .provider("max_age: 1h\n    try: { max_age: 59m }"), .provider("try: { audiences: [b] }"),
      .provider("require: { typ: at+jwt }\n    try: { require: { claims: [b] } }"),
      .provider("refresh: { every: 1m }"), Row.top("log: { access: off, claims: off }"),
      .route("auth: local\n    methods: [GET]\n    cors: { \(Self.origins), methods: [HEAD, GET, OPTIONS] }"),
      .route("auth: local\n    headers: { remove: [Sec-WebSocket-Extensions] }"),
    ] {
      #expect(try configuration(sample.text).warnings.isEmpty, "\(sample.text)")
    }
  }

  @Test("Times of sign_in that others end, and hosts that are named twice")
  func signIn() throws {
    let folder = try TemporaryFolder()
    let users = try folder.write(
      "users.yaml", "users:\n  - { id: u-1, username: alice, password_hash: \"\(UsersFileTests.hash)\" }\n")
    func found(_ keys: String, _ more: String = "") -> [String] {
      faults(Row.signing("", "sign_in: { users_file: \(users)\(keys) }\n    \(more)").text).map {
        String($0[$0.index(after: $0.firstIndex(of: " ") ?? $0.startIndex)...])
      }
    }
    #expect(found(", idle: 40d") == ["\"idle\" is longer than \"refresh\", which is 30d"])
    #expect(found(", idle: 30d") == [])
    #expect(
      found(", lifetime: 1h", "max_age: 59m") == [
        "\"max_age\" is shorter than \"lifetime\" of \"sign_in\", which is 1h"
      ])
    #expect(found(", lifetime: 1h", "max_age: 1h") == [])
    #expect(found(", hosts: [app.example, APP.example]") == ["\"APP.example\" is named twice"])
  }

  @Test("What no certificate has, where only certificates identify clients")
  func certificates() {
    func found(_ auth: String, _ require: String) -> [String] {
      var sample = Sample.provider("client_certificate: { subject: dns }")
      sample.providers = """
        providers:
          certified: { client_certificate: { subject: dns } }
          tokens: { issuer: "https://id.example.com", audiences: [a] }

        """
      sample.routes = """
        routes:
          - path: /api
            auth: \(auth)
            require: \(require)
            upstream: echo

        """
      return faults(sample.text).filter { $0.contains("certificates identify") }.map { String($0.prefix(24)) }
    }
    #expect(found("certified", "{ scopes: [a], acr: b, max_age: 1h }").count == 3)
    #expect(found("certified", "{ all: [{ scopes: [a] }], roles: [b] }").count == 1)
    #expect(found("certified", "{ any: [{ scopes: [a] }, { roles: [b] }], not: { acr: b } }") == [])
    #expect(found("[certified, tokens]", "{ scopes: [a] }") == [])
  }

  @Test("A key that is faulty is not missing too")
  func followOn() {
    var sample = Sample()
    sample.top = "admin: \"\"\nreload: { canary: 10m }\n"
    #expect(faults(sample.text) == ["3:8: expected a mapping, found \"\""])
    sample = Sample()
    sample.providers += "  b: { client_certificate: \"\" }\n"
    #expect(faults(sample.text) == ["8:28: expected a mapping, found \"\""])
    sample.listeners = "listeners: [{ address: 127.0.0.1:8080, tls: { certificate: c, key: k, client_ca: [] } }]\n"
    sample.providers = sample.providers.replacing("\"\"", with: "{ subject: dns }")
    #expect(!faults(sample.text).contains { $0.contains("no listener asks") })
    sample.listeners = "listeners: [{ address: 127.0.0.1:8080 }]\n"
    #expect(faults(sample.text).contains { $0.contains("no listener asks") })
  }

  @Test("Metadata of a resource name issuers by their URLs")
  func issuers() {
    var sample = Sample.provider("", source: "jwks_file: /dev/null")
    sample.providers = sample.providers.replacing("https://id.example.com", with: "a-name")
    sample.top = "protected_resources: [{ resource: \"https://a.example\", providers: [local] }]\n"
    #expect(
      faults(sample.text) == [
        "3:68: the issuer of \"local\" is not a URL, by which metadata names issuers (RFC 9728 §2)"
      ])
  }
}
