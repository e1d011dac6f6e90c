import Crypto
import HTTP
import Testing
import Tokens

@testable import SignIn

@Suite("What goes to the provider with a browser, and comes back")
struct CodeFlowValueTests {
  @Test("RFC 7636 Appendix B")
  func proofKeyExample() throws {
    let key = ProofKey(verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    #expect(try key.challenge() == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
  }

  @Test("Verifiers have 256 bits, states and nonces 128; none comes twice")
  func random() throws {
    var seen: Set<String> = []
    for _ in 0..<50 {
      let flow = try FlowState.begin(returnTo: "/", now: 0)
      #expect(flow.verifier.utf8.count == 43)
      #expect(flow.state.utf8.count == 24)
      #expect(flow.nonce.utf8.count == 22)
      seen.formUnion([flow.verifier, flow.state, flow.nonce])
    }
    #expect(seen.count == 150)
  }

  // MARK: The request

  static let request = AuthorizationRequest(
    clientID: "s6 BhdRkqt3", redirectURI: "https://app.example/oauth/callback", scopes: ["openid", "email"])
  static let flow = FlowState(
    state: "af0ifjsldkj", nonce: "n-0S6_WzA2Mj", verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    returnTo: "/a?b=c", beganAt: 1_700_000_000)

  @Test(
    "RFC 6749 §3.1: a query of the endpoint's own stays",
    arguments: [
      ("https://id.example/auth", "https://id.example/auth?"), ("https://id.example/auth?", "https://id.example/auth?"),
      ("https://id.example/auth?tenant=1", "https://id.example/auth?tenant=1&"),
      ("https://id.example/auth?tenant=1&", "https://id.example/auth?tenant=1&"),
    ])
  func url(endpoint: String, beginning: String) throws {
    #expect(
      try Self.request.url(endpoint: endpoint, flow: Self.flow)
        == beginning + "response_type=code&client_id=s6+BhdRkqt3"
        + "&redirect_uri=https%3A%2F%2Fapp.example%2Foauth%2Fcallback&scope=openid+email&state=af0ifjsldkj"
        + "&nonce=n-0S6_WzA2Mj&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        + "&code_challenge_method=S256")
  }

  // MARK: The state

  @Test("C-5: a state is opened in time, and for its provider alone")
  func sealedState() throws {
    let secret = try #require(SealingSecret(try RandomBytes.make(32)))
    let cookie = try Self.flow.sealed(with: secret, provider: "company")
    let began = Self.flow.beganAt
    for now in [began - 60, began, began + 599] {
      #expect(try FlowState.open(cookie, with: secret, provider: "company", now: now) == Self.flow)
    }
    for now in [began - 61, began + 600, began + 1_000_000] {
      #expect(throws: CallbackFault.tooOld) {
        try FlowState.open(cookie, with: secret, provider: "company", now: now)
      }
    }
    let other = try #require(SealingSecret(try RandomBytes.make(32)))
    for (secret, provider) in [(secret, "other"), (other, "company")] {
      #expect(throws: CallbackFault.cookieForeign) {
        try FlowState.open(cookie, with: secret, provider: provider, now: began)
      }
    }
    for text in ["", "x", "*", String(cookie.dropLast()), cookie + "A", String(repeating: "A", count: 5000)] {
      #expect(throws: CallbackFault.cookieForeign) {
        try FlowState.open(text, with: secret, provider: "company", now: began)
      }
    }
  }

  @Test("RFC 9470 §4: what is asked of the provider is sealed with the way there")
  func stepUp() throws {
    let secret = try #require(SealingSecret(try RandomBytes.make(32)))
    for (query, expected) in [
      ("?max_age=60", [("max_age", "60")]), ("?max_age=0&acr_values=a", [("max_age", "0"), ("acr_values", "a")]),
      ("?acr_values=a%20urn:b", [("acr_values", "a urn:b")]), ("?acr_values=++a++b+", [("acr_values", "a b")]),
    ] {
      let stepUp = try #require(StepUp(FormFields(query: query)))
      #expect(stepUp.parameters.map { "\($0.name)=\($0.value)" } == expected.map { "\($0.0)=\($0.1)" })
      let flow = try FlowState.begin(returnTo: "/", now: 0, stepUp: stepUp)
      let opened = try FlowState.open(
        try flow.sealed(with: secret, provider: "company"), with: secret, provider: "company", now: 0)
      #expect(opened == flow && opened.stepUp == stepUp)
      let url = try Self.request.url(endpoint: "https://id.example/auth", flow: flow)
      #expect(url.hasSuffix(AuthorizationRequest.add(expected.map { (name: $0.0, value: $0.1) }, to: "?").dropFirst()))
    }
    for query in [
      "", "?max_age=", "?max_age=-1", "?max_age=%2B1", "?max_age=1s", "?max_age=31622401",
      "?max_age=999999999999999999999", "?acr_values=", "?acr_values=%20", "?acr_values=a%22b", "?acr_values=a%0Ab",
      "?acr_values=%C3%A9", "?acr_values=" + String(repeating: "a", count: 257),
    ] {
      #expect(StepUp(FormFields(query: query)) == nil, "\(query)")
    }
  }

  @Test("A state finds its cookie; what is no state finds none")
  func cookieSuffix() throws {
    let first = try FlowState.begin(returnTo: "/", now: 0)
    let suffix = try #require(FlowState.cookieSuffix(ofState: first.state))
    #expect(FlowState.cookieSuffix(ofState: first.state) == suffix)
    // Each has a place of its own, as long as there is one.
    var taken = [suffix]
    while taken.count < CodeFlow.flowsMax {
      let next = try FlowState.begin(returnTo: "/", now: 0, besides: taken)
      taken.append(try #require(FlowState.cookieSuffix(ofState: next.state)))
    }
    #expect(Set(taken).count == CodeFlow.flowsMax)
    let all = (0..<CodeFlow.flowNames).map { "\($0)" }
    let more = try FlowState.begin(returnTo: "/", now: 0, besides: all)
    #expect(all.contains(try #require(FlowState.cookieSuffix(ofState: more.state))))
    for text in ["", "a", "af0ifjsldkj", first.state + "A", "=" + first.state.dropFirst()] {
      #expect(FlowState.cookieSuffix(ofState: text) == nil)
    }
  }

  @Test("C-5: beside the place of its cookie, a state has 128 bits of its own")
  func bits() throws {
    var seen: Set<[UInt8]> = []
    let all = (1..<CodeFlow.flowNames).map { "\($0)" }
    for _ in 0..<50 {
      let state = try FlowState.begin(returnTo: "/", now: 0, besides: all).state
      let bytes = try #require(Base64URL.decode(state))
      #expect(bytes.count == 18 && bytes[16...] == [0, 0])
      seen.insert(Array(bytes[..<16]))
    }
    #expect(seen.count == 50)
    #expect(FlowState.cookieSuffix(ofState: Base64URL.text([UInt8](repeating: 255, count: 18))) == nil)
  }

  @Test("Tabs that open at once do not know of each other, and seldom take each other's place")
  func tabsAtOnce() throws {
    var places: Set<String> = []
    for _ in 0..<400 {
      places.insert(try #require(FlowState.cookieSuffix(ofState: FlowState.begin(returnTo: "/", now: 0).state)))
    }
    #expect(places.count == CodeFlow.flowNames)
    // All of them together have room in a head.
    var longPlaces: Set<String> = []
    for _ in 0..<200 {
      let way = try FlowState.begin(returnTo: "/" + String(repeating: "a", count: CodeFlow.shortReturnBytesMax), now: 0)
      longPlaces.insert(try #require(FlowState.cookieSuffix(ofState: way.state)))
    }
    #expect(longPlaces.count == CodeFlow.flowNamesOfLong)
    // However many windows a page of another site opens, they have few places, and each its own while there is one.
    var others: [String] = []
    for _ in 0..<CodeFlow.flowNamesOfOtherSites * 2 {
      let way = try FlowState.begin(returnTo: "/", now: 0, besides: others, ofOtherSite: true)
      others.append(try #require(FlowState.cookieSuffix(ofState: way.state)))
    }
    #expect(Set(others.prefix(CodeFlow.flowNamesOfOtherSites)).count == CodeFlow.flowNamesOfOtherSites)
    #expect(Set(others).count == CodeFlow.flowNamesOfOtherSites)
  }

  @Test("Of more ways than a browser may be on, the oldest are forgotten, and before them what nobody can open")
  func surplus() {
    func surplus(_ cookies: [(String, String)], besides bytes: Int = 100) -> [String] {
      FlowCookies.surplus(of: cookies.map { (name: $0.0, value: $0.1) }, besides: bytes) { UnixSeconds($0.prefix(4)) }
    }
    let full = (1..<CodeFlow.flowsMax).map { ("f\($0)", "\(1000 + $0)") }
    #expect(surplus([]) == [] && surplus(full) == [])
    #expect(surplus(full + [("g", "2000")]) == ["f1"])
    #expect(surplus([("g", "2000"), ("x", "none")] + full) == ["f1", "x"])
    // Of one second the one that was sent first.
    let same = (0..<CodeFlow.flowsMax).map { ("s\($0)", "1000") }
    #expect(surplus(same) == ["s0"])
    // Few large ones fill it too, and the new one has its place in any case.
    let large = (1...4).map { ("l\($0)", "\(1000 + $0)" + String(repeating: "a", count: 1600)) }
    #expect(surplus(large) == ["l2", "l1"])
    #expect(surplus(large, besides: 8000) == ["l4", "l3", "l2", "l1"])
    #expect(surplus((0..<500).map { ("n\($0)", "x") }).count == 32)
  }

  @Test("Cookies of a prefix are found as they stand in the line")
  func cookiesWithPrefix() {
    var request = LocalRequest()
    request.fields = [("cookie", Array(" f_1=a=b ;x=f_2=c;f_3; f_4=;\tf_5=d\t;F_6=e; f_1=again".utf8))]
    let found = request.cookies(withPrefix: "f_").map { "\($0.name)>\($0.value)" }
    #expect(found == ["f_1>a=b", "f_4>", "f_5>d", "f_1>again"])
  }

  // MARK: The response

  struct Row: Sendable, CustomTestStringConvertible {
    let rule: String
    let query: [(name: String, value: String)]
    var sendsIssuer = false
    var response: AuthorizationResponse?
    var fault = CallbackFault.malformed
    var testDescription: String { rule }
  }

  static let issuer = "https://id.example"
  static let rows = [
    Row(rule: "a code", query: [("code", "c"), ("state", "s")], response: .code("c", state: "s")),
    Row(
      rule: "unknown parameters beside it", query: [("session_state", "x"), ("code", "c"), ("state", "s")],
      response: .code("c", state: "s")),
    Row(
      rule: "C-7 iss, though it is not announced", query: [("code", "c"), ("state", "s"), ("iss", issuer)],
      response: .code("c", state: "s")),
    Row(
      rule: "C-7 iss", query: [("code", "c"), ("state", "s"), ("iss", issuer)], sendsIssuer: true,
      response: .code("c", state: "s")),
    Row(
      rule: "C-7 another iss", query: [("code", "c"), ("state", "s"), ("iss", "https://evil.example")],
      fault: .issuerMismatch),
    Row(
      rule: "C-7 a slash more", query: [("code", "c"), ("state", "s"), ("iss", issuer + "/")], fault: .issuerMismatch),
    Row(rule: "C-7 no iss", query: [("code", "c"), ("state", "s")], sendsIssuer: true, fault: .issuerMismatch),
    Row(
      rule: "C-7 another's error",
      query: [("error", "access_denied"), ("state", "s"), ("iss", "https://evil.example")],
      fault: .issuerMismatch),
    Row(rule: "C-5 iss twice", query: [("code", "c"), ("state", "s"), ("iss", issuer), ("iss", issuer)]),
    Row(rule: "C-5 code twice", query: [("code", "c"), ("code", "c"), ("state", "s")]),
    Row(rule: "C-5 state twice", query: [("code", "c"), ("state", "s"), ("state", "t")]),
    Row(rule: "no code", query: [("state", "s")]), Row(rule: "no state", query: [("code", "c")]),
    Row(rule: "an empty code", query: [("code", ""), ("state", "s")]),
    Row(rule: "an empty state", query: [("code", "c"), ("state", "")]),
    Row(rule: "nothing", query: []),
    Row(rule: "a code of 4,097 bytes", query: [("code", String(repeating: "c", count: 4097)), ("state", "s")]),
    Row(rule: "a code and an error", query: [("code", "c"), ("error", "access_denied"), ("state", "s")]),
    Row(
      rule: "an error", query: [("error", "access_denied"), ("error_description", "<b>"), ("state", "s")],
      response: .refused(error: "access_denied", state: "s")),
    Row(
      rule: "an error that is no code", query: [("error", "<script>"), ("state", "s")],
      response: .refused(error: "unknown", state: "s")),
    Row(rule: "an error without state", query: [("error", "access_denied")]),
  ]

  @Test("C-5, C-7: what the browser brings back", arguments: rows)
  func response(row: Row) {
    do throws(CallbackFault) {
      let response = try AuthorizationResponse(row.query, issuer: Self.issuer, sendsIssuer: row.sendsIssuer)
      #expect(response == row.response)
    } catch {
      #expect(row.response == nil)
      #expect(error == row.fault)
    }
  }
}
