import Access
import HTTP
import Testing
import Tokens

@testable import Configuration

@Suite("Routes")
struct RouteTests {
  @Test("Every key is taken over")
  func everyKey() throws {
    let sample = Sample.route(
      """
      name: order-admin
          host: api.example.com
          methods: [POST, DELETE]
          auth: [local]
          anonymous: allow
          require:
            roles: [admin, support]
            scopes: ["orders:write"]
            permissions: [orders.write]
            claims: { tenant: acme, plan: [pro, "3", 3, true] }
          identity: { X-Tenant: tenant }
          token: forward
          limits: { body: 10MiB }
          timeouts: { response: 10s }
          encoded_slashes: keep
          double_slashes: keep
      """, path: "/orders/{id}/**")
    let route = try #require(try configuration(sample.text).routes.first)
    #expect(route.name == "order-admin")
    #expect(route.pattern.methods == ["POST", "DELETE"])
    #expect(route.rule.authentication == .optional(providers: ["local"]))
    #expect(
      route.rule.requirement.conditions == [
        .roles(["admin", "support"]), .scopes(["orders:write"]), .permissions(["orders.write"]),
        .claim(ClaimPath(name: "tenant"), [.string("acme")]),
        .claim(ClaimPath(name: "plan"), [.string("pro"), .string("3"), .integer(3), .boolean(true)]),
      ])
    #expect(route.token == .forward)
    #expect(route.bodyBytesMax == 10 << 20)
    #expect(route.responseTimeout == .seconds(10))
    #expect(route.pathTraitsKept == [.encodedSlash, .doubleSlash])
  }

  struct Row: CustomTestStringConvertible {
    let keys: String
    let fault: String
    var testDescription: String { keys }
  }

  @Test(
    "What a route cannot be is refused",
    arguments: [
      Row(
        keys: "methods: [GET]",
        fault: "11:5: \"auth\" is missing: write auth: none for everyone, or name one of the providers: local"),
      Row(keys: "auht: local", fault: "13:5: unknown key \"auht\"; did you mean \"auth\"?"),
      Row(keys: "auth: locale", fault: "13:11: no provider is called \"locale\"; did you mean \"local\"?"),
      Row(keys: "auth: company", fault: "13:11: no provider is called \"company\"; there are local"),
      Row(keys: "auth: []", fault: "13:11: an empty list; expected a list of providers, or leave the key out"),
      Row(keys: "auth: [local, local]", fault: "13:19: \"local\" is named twice"),
      Row(keys: "auth: [none]", fault: "13:12: \"none\" cannot be in a list; write none without brackets"),
      Row(
        keys: "auth: none\n    upgrade: [websocket, None]",
        fault: "14:26: \"None\" cannot be in a list; write none without brackets"),
      Row(
        keys: "auth: none\n    upgrade:\n      - none",
        fault: "15:9: \"none\" cannot be in a list; write none without a dash"),
      Row(
        keys: "auth: none\n    require: { roles: [admin] }",
        fault: "14:5: \"require\" with auth: none; nobody is asked for a token"),
      Row(
        keys: "auth: none\n    anonymous: allow",
        fault: "14:5: \"anonymous\" with auth: none; nobody is asked for a token"),
      Row(keys: "auth: none\n    methods: [get]", fault: "14:15: \"get\" is not a method; did you mean \"GET\"?"),
      Row(keys: "auth: none\n    methods: [TRACE]", fault: "14:15: \"TRACE\" is always refused"),
      Row(keys: "auth: none\n    methods: [G T]", fault: "14:15: \"G T\" is not a method (RFC 9110 §9.1)"),
      Row(keys: "auth: local\n    token: keep", fault: "14:12: \"keep\" is not remove or forward"),
      Row(
        keys: "auth: none\n    limits: { body: lots }",
        fault: "14:21: \"lots\" is not a size; write bytes, or a whole number and KiB, MiB or GiB: 16KiB"),
      Row(
        keys: "auth: none\n    name: \"a b\"",
        fault: "14:11: \"a b\" is not a name; use up to 64 letters, digits, \"-\", \"_\" and \".\""),
      Row(
        keys: "auth: local\n    require: { roles: admin }",
        fault: "14:23: expected a list of roles, found \"admin\"; write [admin]"),
      Row(
        keys: "auth: local\n    require: { roles: 'a b' }",
        fault: "14:23: expected a list of roles, found \"a b\"; write [\"a b\"]"),
      Row(keys: "auth: none\n    methods: GET", fault: "14:14: expected a list of methods, found \"GET\"; write [GET]"),
      Row(
        keys: "auth: none\n    methods: GET, PUT",
        fault: "14:14: expected a list of methods, found \"GET, PUT\"; write [GET, PUT]"),
      Row(
        keys: "auth: local\n    roles: [admin, 'a b']",
        fault: "14:5: unknown key \"roles\"; write require: { roles: [admin, \"a b\"] }"),
      Row(
        keys: "auth: local\n    scopes: x", fault: "14:5: unknown key \"scopes\"; write require: { scopes: x }"),
      Row(
        keys: "auth: local\n    permissions: []",
        fault: "14:5: unknown key \"permissions\"; write require: { permissions: [] }"),
      Row(
        keys: "auth: local\n    claims: { tenant: acme, n: '3' }",
        fault: "14:5: unknown key \"claims\"; write require: { claims: { tenant: acme, n: \"3\" } }"),
      Row(
        keys: "auth: local\n    identity: { Host: tenant }",
        fault: "14:17: \"Host\" means something else to servers; choose another"),
      Row(
        keys: "auth: local\n    identity: { Content_Length: tenant }",
        fault: "14:17: \"Content_Length\" means something else to servers; choose another"),
      Row(
        keys: "auth: local\n    identity: { X-HTTP-Method-Override: tenant }",
        fault: "14:17: \"X-HTTP-Method-Override\" means something else to servers; choose another"),
      Row(
        keys: "auth: local\n    identity: { x_original_url: tenant }",
        fault: "14:17: \"x_original_url\" means something else to servers; choose another"),
      Row(
        keys: "auth: local\n    identity: { X-Rewrite-URL: tenant }",
        fault: "14:17: \"X-Rewrite-URL\" means something else to servers; choose another"),
      Row(
        keys: "auth: local\n    require: {}",
        fault: "14:14: an empty mapping, which requires nothing; leave the key out"),
      Row(
        keys: "auth: local\n    require: { claims: {} }",
        fault: "14:24: an empty mapping, which requires nothing; leave the key out"),
      Row(
        keys: "auth: local\n    require: { claims: { a: null } }",
        fault: "14:29: \"null\" is not a value that a claim can have; put the string in quotes, or write a value"),
      Row(
        keys: "auth: local\n    require: { claims: { a: [x, ~] } }",
        fault: "14:33: \"~\" is not a value that a claim can have; put the string in quotes, or write a value"),
      Row(
        keys: "auth: local\n    require: { claims: { a: 1.5 } }",
        fault: "14:29: \"1.5\" is not a 64-bit integer; for a string put it in quotes"),
      Row(
        keys: "auth: local\n    require: { claims: { a: -1e3 } }",
        fault: "14:29: \"-1e3\" is not a 64-bit integer; for a string put it in quotes"),
      Row(
        keys: "auth: local\n    require: { claims: { a: 9223372036854775808 } }",
        fault: "14:29: \"9223372036854775808\" is not a 64-bit integer; for a string put it in quotes"),
      Row(
        keys: "auth: local\n    identity: { \"X Y\": tenant }",
        fault: "14:17: \"X Y\" is not a header name (RFC 9110 §5.1)"),
      Row(
        keys: "auth: local\n    identity: { X-A: a, x_a: b }",
        fault: "14:25: \"x_a\" is the same header as \"X-A\" to many applications; rename one of them"),
      Row(keys: "auth: local\n    identity: { defaults: no }", fault: "14:27: \"no\" is neither true nor false"),
    ])
  func refused(_ row: Row) {
    #expect(faults(Sample.route(row.keys).text) == [row.fault])
  }

  @Test("Quotes make a text of what would be a number or nothing; what reads as neither needs none")
  func claimTexts() throws {
    let claims = "claims: { a: ['null', \"~\", '1.5', 007, 1.2.3, nan, e, -], b: [0, -1, 9223372036854775807] }"
    let route = try #require(
      try configuration(Sample.route("auth: local\n    require: { \(claims) }").text).routes.first)
    #expect(
      route.rule.requirement.conditions == [
        .claim(
          ClaimPath(name: "a"), ["null", "~", "1.5", "007", "1.2.3", "nan", "e", "-"].map { .string($0) }),
        .claim(ClaimPath(name: "b"), [.integer(0), .integer(-1), .integer(.max)]),
      ])
  }

  @Test("A-1: the environment opens nothing")
  func openByEnvironment() throws {
    let route = Sample.route("auth: \"${AUTH}\"").text
    #expect(
      faults(route, environment: ["AUTH": "none"]) == [
        "13:11: \"${AUTH}\" stands for none; what is open to everyone has to say so itself: write none"
      ])
    #expect(faults(route, environment: ["AUTH": "local"]) == [])
    let audiences = Sample.provider("").text.replacing("audiences: [example]", with: "audiences: ${X}")
    #expect(
      faults(audiences, environment: ["X": "any"]) == [
        "6:16: \"${X}\" stands for any; what is open to tokens for others has to say so itself: write any"
      ])
  }

  @Test("auth names providers; without any there is none to name")
  func noProviders() {
    var sample = Sample.route("auth: local")
    sample.providers = ""
    #expect(faults(sample.text) == ["8:11: no provider is called \"local\"; none is defined"])
  }

  @Test(
    "An upstream has to exist",
    arguments: [
      ("ehco", "8:11: no upstream is called \"ehco\"; did you mean \"echo\"?"),
      ("orders", "8:11: no upstream is called \"orders\"; there are echo"),
    ])
  func upstreams(_ name: String, fault: String) {
    let text = Sample.route("auth: local").text.replacing("upstream: echo", with: "upstream: \(name)")
    #expect(faults(text) == [fault.replacing("8:11", with: "12:15")])
  }

  @Test(
    "A route that an earlier one leaves nothing is refused, with a name or without",
    arguments: [
      // The same in another spelling.
      ("\"/a/{x}\"", "\"/a/{y}\"", "has the same pattern"),
      ("/a, methods: [GET, POST]", "/a, methods: [POST, GET]", "has the same pattern"),
      ("/a, methods: [GET, HEAD]", "/a, methods: [GET]", "has the same pattern"),
      ("/a, host: api.example.com", "/a/, host: API.example.com", "has the same pattern"),
      ("/a, name: one", "/a, name: two", "has the same pattern"),
      // Within another.
      ("/**", "/a", "matches all of its requests"),
      ("/a/**", "/a", "matches all of its requests"),
      ("/a/**", "/a/b/**", "matches all of its requests"),
      ("/a/*", "/a/b", "matches all of its requests"),
      ("/*/b/**", "/a/*/**", nil),
      ("/a/*/**", "\"/a/b/{c}\"", "matches all of its requests"),
      ("/a", "/a, methods: [GET]", "matches all of its requests"),
      ("/a, methods: [GET]", "/a, methods: [HEAD]", "matches all of its requests"),
      ("/a", "/a, host: api.example.com", "matches all of its requests"),
      ("/a, host: \"*.example.com\"", "/a, host: api.example.com", "matches all of its requests"),
      ("/a, host: \"*.example.com\"", "/a, host: \"*.eu.example.com\"", "matches all of its requests"),
      // A later route that is broader, or beside it.
      ("/a", "/**", nil),
      ("/a", "/a/**", nil),
      ("/a/b", "/a/*", nil),
      ("/a/*", "/a", nil),
      ("/a/*", "/a/*/**", nil),
      ("/a/*/**", "/a/**", nil),
      ("/a/b", "/a/B", nil),
      ("/a, methods: [GET]", "/a", nil),
      ("/a, methods: [GET]", "/a, methods: [GET, POST]", nil),
      ("/a, methods: [HEAD]", "/a, methods: [GET]", nil),
      ("/a, host: api.example.com", "/a", nil),
      ("/a, host: \"*.example.com\"", "/a, host: example.com", nil),
      ("/a, host: \"*.example.com\"", "/a, host: badexample.com", nil),
      ("/a, host: \"*.eu.example.com\"", "/a, host: \"*.example.com\"", nil),
    ])
  func unreachable(_ first: String, _ second: String, reason: String?) {
    var sample = Sample()
    sample.routes = """
      routes:
        - { auth: none, upstream: echo, path: \(first) }
        - { auth: local, upstream: echo, path: \(second) }

      """
    #expect(
      faults(sample.text) == (reason.map { ["12:42: this route never matches: the one on line 11 \($0)"] } ?? []))
  }

  @Test("Two routes may together leave nothing of a third: it is not seen")
  func together() {
    var sample = Sample()
    sample.routes = """
      routes:
        - { path: /a, methods: [GET], auth: none, upstream: echo }
        - { path: /a, methods: [POST], auth: none, upstream: echo }
        - { path: /a, methods: [GET, POST], auth: local, upstream: echo }

      """
    #expect(faults(sample.text) == [])
  }

  @Test("Names are unique, and so are patterns without a name")
  func uniqueness() {
    var sample = Sample()
    sample.routes = """
      routes:
        - { name: a, path: /a, auth: none, upstream: echo }
        - { name: a, path: /b, auth: none, upstream: echo }
        - { path: /c, methods: [GET], auth: none, upstream: echo }
        - { path: /c, methods: [POST], auth: none, upstream: echo }
        - { path: /c, methods: [GET], auth: local, upstream: echo }

      """
    #expect(
      faults(sample.text) == [
        "12:13: the route on line 11 is already called \"a\"",
        "15:13: this route never matches: the one on line 13 has the same pattern",
      ])
  }

  @Test("Two providers with one issuer do not fit one route")
  func sameIssuer() {
    var sample = Sample.route("auth: [local, other]")
    sample.providers += "  other: { issuer: \"http://127.0.0.1:8080\", audiences: [x] }\n"
    #expect(
      faults(sample.text) == [
        "14:19: \"other\" has the same issuer as \"local\"; a route can name one of them"
      ])
  }

  @Test("A route names at most as many providers as a request is compared with")
  func providersMax() {
    func written(_ count: Int) -> [String] {
      let names = (0..<count).map { "p\($0)" }
      var sample = Sample.route("auth: [\(names.joined(separator: ", "))]")
      for name in names { sample.providers += "  \(name): { issuer: \"https://\(name).test\", audiences: [x] }\n" }
      return faults(sample.text)
    }
    #expect(written(RouteConfiguration.providersMax) == [])
    let message = "a route names at most \(RouteConfiguration.providersMax) providers"
    #expect(written(RouteConfiguration.providersMax + 1).map { $0.hasSuffix(message) } == [true])
  }

  @Test(
    "A proof is for one server: a route without a host names no provider with dpop",
    arguments: ["allowed", "required"])
  func proofsNeedHost(dpop: String) {
    var sample = Sample.provider("dpop: \(dpop)")
    sample.providers += "  off: { issuer: \"https://off.example.com\", audiences: [x], dpop: off }\n"
    sample.routes = """
      routes:
        - { path: /exact, host: api.example.com, auth: local, upstream: echo }
        - { path: /below, host: "*.example.com", auth: [off, local], upstream: echo }
        - { path: /off, auth: off, upstream: echo }
        - { path: /open, auth: none, upstream: echo }
      """
    #expect(faults(sample.text) == [])
    let message = "\"local\" has dpop, and a proof is for one server: give the route a \"host\""
    sample.routes = """
      routes:
        - { path: /one, auth: local, upstream: echo }
        - { path: /many, auth: [off, local], anonymous: allow, upstream: echo }
      """
    #expect(faults(sample.text) == ["13:25: \(message)", "14:32: \(message)"])
    // What is wrong with it is said where it stands.
    sample.routes = "routes:\n  - { path: /one, host: \"*\", auth: local, upstream: echo }\n"
    #expect(faults(sample.text).count == 1)
    #expect(!faults(sample.text).contains { $0.contains("dpop") })
  }

  @Test(
    "P-17: what the gateway answers itself is not routed",
    arguments: [
      ("/.well-known/jwks.json", "", true),
      ("/.well-known/jwks.json/**", "", true),
      ("/.well-known/jwks.json", "127.0.0.1", true),
      ("/.well-known/jwks.json", "id.example.com", false),
      ("/.well-known/jwks.jsonx", "", false),
      ("/.well-known/**", "", false),
      ("/**", "", false),
    ])
  func ownPaths(_ path: String, host: String, isRefused: Bool) {
    let hostKey = host.isEmpty ? "" : "\n    host: \(host)"
    #expect(
      faults(Sample.route("auth: none" + hostKey, path: path).text)
        == (isRefused
          ? ["11:11: the gateway itself answers this path: the keys of provider \"local\""] : []))
  }

  @Test(
    "P-17: where the case makes no difference, neither does it to what the gateway answers itself",
    arguments: [
      ("/.well-known/oauth-protected-resource/Api", "", true), ("/.well-known/oauth-protected-resource/api", "", true),
      ("/.well-known/oauth-protected-resource/api", "host: 127.0.0.1", true),
      ("/.well-known/oauth-protected-resource/api", "host: a.example", false),
      ("/.well-known/oauth-protected-resource/api/x", "", false),
      ("/Tenant/.well-known/openid-configuration", "", true), ("/tenant/.Well-Known/openid-configuration", "", true),
      ("/tenant/.well-known/openid-configuration", "host: a.example", false),
      ("/.Portcullis/verify", "host: a.example", true),
    ])
  func foldedOwnPaths(_ path: String, _ key: String, isRefused: Bool) {
    var sample = Sample.route("auth: none\n    \(key)", path: path)
    sample.top = """
      case_insensitive_paths: all
      forward_auth: { path: /.portcullis/Verify, peers: [127.0.0.1] }
      protected_resources: [{ resource: "http://127.0.0.1:8080/Api", providers: local }]

      """
    sample.providers = """
      providers:
        local:
          issuer: http://127.0.0.1:8080/Tenant
          audiences: [example]
          signing: { state: state }
          sign_in: { users_file: users.yaml }

      """
    let found = faults(sample.text).filter { $0.contains("the gateway itself answers this path") }
    #expect(found.count == (isRefused ? 1 : 0), "\(faults(sample.text))")
  }

  @Test(
    "P-17: two resources whose metadata would be at one path are one",
    arguments: [("all", true), ("[b.example]", false)])
  func foldedResources(hosts: String, isRefused: Bool) {
    let sample = Sample(
      top: """
        case_insensitive_paths: \(hosts)
        protected_resources:
          - { resource: "http://127.0.0.1:8080/Api", providers: local }
          - { resource: "http://127.0.0.1:8080/api", providers: local }

        """)
    #expect(faults(sample.text).contains { $0.contains("is already described") } == isRefused)
  }

  @Test(
    "Routes that differ in case alone are one route where the case makes no difference",
    arguments: [
      ("", "host: a.example", true), ("case_insensitive_paths: [a.example]", "host: a.example", false),
      ("case_insensitive_paths: all", "host: a.example", false), ("case_insensitive_paths: all", "name: x", false),
      ("case_insensitive_paths: [\"*.example\"]", "host: a.example", false),
      ("case_insensitive_paths: [b.example]", "host: a.example", true),
      ("case_insensitive_paths: [a.example]", "name: x", true),
    ])
  func foldedRoutes(_ top: String, _ key: String, isSound: Bool) {
    var sample = Sample(top: top.isEmpty ? "" : top + "\n")
    sample.routes = """
      routes:
        - { path: /a/**, auth: local, upstream: echo, \(key == "name: x" ? "name: y" : key) }
        - { path: /A/b, auth: none, upstream: echo, \(key) }

      """
    let line = top.isEmpty ? 11 : 12
    #expect(
      faults(sample.text)
        == (isSound
          ? [] : ["\(line + 1):13: this route never matches: the one on line \(line) matches all of its requests"]))
  }

  @Test("Hosts whose paths are folded")
  func foldedHosts() throws {
    #expect(try configuration(Sample().text).caseInsensitivePaths.isEmpty)
    #expect(try configuration(Sample(top: "case_insensitive_paths: all\n").text).caseInsensitivePaths == [.any])
    #expect(
      try configuration(Sample(top: "case_insensitive_paths: [A.example, \"*.b.example\"]\n").text).caseInsensitivePaths
        == [.exact("a.example"), .below("b.example")])
    #expect(
      faults(Sample(top: "case_insensitive_paths: [a.example, ALL]\n").text) == [
        "3:37: \"ALL\" cannot be in a list; write all without brackets"
      ])
    #expect(
      faults(Sample(top: "case_insensitive_paths: [\"${X}\"]\n").text, environment: ["X": "all"]) == [
        "3:26: \"${X}\" cannot be in a list; write all without brackets"
      ])
    #expect(
      faults(Sample(top: "case_insensitive_paths: every\n").text) == [
        "3:25: expected a list of hosts, found \"every\"; write [every]"
      ])
    var sample = Sample.route("auth: none\n    host: 127.0.0.1", path: "/.Well-Known/JWKS.json")
    #expect(faults(sample.text).isEmpty)
    sample.top = "case_insensitive_paths: [127.0.0.1]\n"
    #expect(
      faults(sample.text) == ["12:11: the gateway itself answers this path: the keys of provider \"local\""])
  }

  @Test("A minimum rate that is left out is the file's, which is 240 unless it says otherwise")
  func minimumRates() throws {
    var sample = Sample(top: "limits: { minimum_rate: 1KiB }\n")
    sample.routes = """
      routes:
        - { path: /a, auth: none, upstream: echo }
        - { path: /b, auth: none, upstream: echo, limits: { minimum_rate: none } }
        - { path: /c, auth: none, upstream: echo, limits: { minimum_rate: 16 } }

      """
    #expect(try configuration(sample.text).routes.map(\.minimumRate) == [1024, nil, 16])
    sample.top = ""
    #expect(try configuration(sample.text).routes.map(\.minimumRate) == [240, nil, 16])
  }

  @Test("A body limit that is left out is the file's, and none is none")
  func bodyLimits() throws {
    var sample = Sample(top: "limits: { body: 1MiB }\n")
    sample.routes = """
      routes:
        - { path: /a, auth: none, upstream: echo }
        - { path: /b, auth: none, upstream: echo, limits: { body: none } }
        - { path: /c, auth: none, upstream: echo, limits: { body: 2MiB } }

      """
    #expect(try configuration(sample.text).routes.map(\.bodyBytesMax) == [1 << 20, nil, 2 << 20])
  }
}
