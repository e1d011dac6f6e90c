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

  private static let provider = "company"

  private func sealing() throws -> SealingSecret { try #require(SealingSecret(try RandomBytes.make(32))) }

  private func begin(
    _ sealing: SealingSecret, returnTo: String = "/", stepUp: StepUp? = nil, place: Int = 7, now: UnixSeconds = 0
  ) throws -> (flow: Flow, cookie: String) {
    try Flow.begin(
      returnTo: returnTo, stepUp: stepUp, place: place, now: now, with: sealing, provider: Self.provider)
  }

  private func open(
    _ text: String, _ cookie: String?, _ sealing: SealingSecret, provider: String = provider, now: UnixSeconds = 0
  ) throws -> Flow {
    let state = try FlowState.open(text, with: sealing, provider: provider)
    return try Flow.open(state, text: text, cookie: cookie, with: sealing, provider: provider, now: now)
  }

  @Test("Verifiers have 256 bits, what binds a state and nonces 128; none comes twice")
  func random() throws {
    let sealing = try sealing()
    var seen: Set<String> = []
    for _ in 0..<50 {
      let (flow, cookie) = try begin(sealing)
      let binding = try FlowState.open(flow.state, with: sealing, provider: Self.provider).binding
      #expect(flow.verifier.utf8.count == 43)
      #expect(binding.utf8.count == 22)
      #expect(flow.nonce.utf8.count == 22)
      seen.formUnion([flow.verifier, binding, flow.nonce, flow.state, cookie])
    }
    #expect(seen.count == 250)
  }

  // MARK: The request

  static let request = AuthorizationRequest(
    clientID: "s6 BhdRkqt3", redirectURI: "https://app.example/oauth/callback", scopes: ["openid", "email"])
  static let flow = Flow(
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

  @Test("C-5: a way is good in time, and at its provider alone")
  func expiry() throws {
    let sealing = try sealing()
    let began: UnixSeconds = 1_700_000_000
    let (flow, cookie) = try begin(sealing, returnTo: "/a?b=c", now: began)
    for now in [began - 60, began, began + 599] { #expect(try open(flow.state, cookie, sealing, now: now) == flow) }
    for now in [began - 61, began + 600, began + 1_000_000] {
      #expect(throws: CallbackFault.tooOld) { try open(flow.state, cookie, sealing, now: now) }
    }
    let state = try FlowState.open(flow.state, with: sealing, provider: Self.provider)
    for (secret, provider) in [(sealing, "other"), (try self.sealing(), Self.provider)] {
      #expect(throws: CallbackFault.stateForeign) {
        try open(flow.state, cookie, secret, provider: provider, now: began)
      }
      #expect(throws: CallbackFault.cookieForeign) {
        try Flow.open(state, text: flow.state, cookie: cookie, with: secret, provider: provider, now: began)
      }
    }
  }

  @Test("C-5: what nobody sealed here is neither a state nor a cookie, and neither is the other")
  func foreign() throws {
    let sealing = try sealing()
    let (flow, cookie) = try begin(sealing)
    let bytes = try #require(Base64URL.decode(flow.state))
    let changed = bytes.indices.map { index in
      var bytes = bytes
      bytes[index] ^= 1
      return Base64URL.text(bytes)
    }
    for text in ["", "x", "*", flow.state.dropLast() + "", flow.state + "AAAA", cookie] + changed {
      #expect(throws: CallbackFault.stateForeign) { try open(text, cookie, sealing) }
    }
    for text in ["", "x", "*", cookie.dropLast() + "", cookie + "A", String(repeating: "A", count: 5000), flow.state] {
      #expect(throws: CallbackFault.cookieForeign) { try open(flow.state, text, sealing) }
    }
  }

  @Test("C-5: a state is good with its own cookie alone, and no other way's nonce or verifier is ever used with it")
  func binding() throws {
    let sealing = try sealing()
    let (mine, cookie) = try begin(sealing)
    let (other, otherCookie) = try begin(sealing)
    #expect(throws: CallbackFault.cookieMissing) { try open(mine.state, nil, sealing) }
    #expect(throws: CallbackFault.stateMismatch) { try open(mine.state, otherCookie, sealing) }
    #expect(throws: CallbackFault.stateMismatch) { try open(other.state, cookie, sealing) }
    #expect(try open(mine.state, cookie, sealing) == mine)
  }

  @Test("C-5: a state says nothing to whoever has no secret, and to whoever has it no nonce and no verifier")
  func state() throws {
    let sealing = try sealing()
    let (flow, _) = try begin(sealing, returnTo: "/canary")
    let bytes = try #require(Base64URL.decode(flow.state))
    #expect(!String(decoding: bytes, as: UTF8.self).contains("canary"))
    let state = try FlowState.open(flow.state, with: sealing, provider: Self.provider)
    #expect(state == FlowState(place: 7, binding: state.binding, returnTo: "/canary"))
    #expect(![state.binding, flow.nonce].contains { flow.verifier.hasPrefix($0) } && state.binding != flow.nonce)
    // Another secret of a cookie, and nothing is the same.
    let secret = try FlowSecret.random(now: 0)
    #expect(try secret.binding() != state.binding && secret.nonce() != flow.nonce)
    #expect(try secret.verifier() != flow.verifier)
  }

  @Test("RFC 9470 §4: what is asked of the provider is sealed with the way there")
  func stepUp() throws {
    let secret = try sealing()
    for (query, expected) in [
      ("?max_age=60", [("max_age", "60")]), ("?max_age=0&acr_values=a", [("max_age", "0"), ("acr_values", "a")]),
      ("?acr_values=a%20urn:b", [("acr_values", "a urn:b")]), ("?acr_values=++a++b+", [("acr_values", "a b")]),
    ] {
      let stepUp = try #require(StepUp(FormFields(query: query)))
      #expect(stepUp.parameters.map { "\($0.name)=\($0.value)" } == expected.map { "\($0.0)=\($0.1)" })
      let (flow, cookie) = try begin(secret, stepUp: stepUp)
      let opened = try open(flow.state, cookie, secret)
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

  private func cookies(_ places: some Sequence<Int>) -> [FlowCookies.Cookie] {
    places.map { FlowCookies.Cookie(place: $0, value: "", name: "f\($0)") }
  }

  @Test("The cookie is small, and of one size wherever the way leads")
  func size() throws {
    let sealing = try sealing()
    let stepUp = try #require(StepUp(authenticationAge: 60, contextClasses: [String(repeating: "a", count: 250)]))
    let sizes = [
      try begin(sealing).cookie, try begin(sealing, returnTo: "/" + String(repeating: "a", count: 1023)).cookie,
      try begin(sealing, stepUp: stepUp, now: .max).cookie,
    ].map(\.utf8.count)
    #expect(sizes == [96, 96, 96])
    // A code of 4 KiB has room beside the longest state in a request's target.
    let (flow, _) = try begin(sealing, returnTo: "/" + String(repeating: "a", count: 1023), stepUp: stepUp)
    #expect(flow.state.utf8.count < 2048)
  }

  @Test("Each way has a place of its own as long as there is one, and tabs that open at once seldom the same")
  func places() throws {
    for (origin, range) in [(FlowCookies.Origin.own, 0..<48), (.other, 48..<72)] {
      var places: Set<Int> = []
      for _ in 0..<1000 { places.insert(try FlowCookies.draw(besides: [], origin)) }
      #expect(places == Set(range))
      // One after the other, each has a place of its own.
      var kept: [Int] = []
      while kept.count < CodeFlow.flowsMax { kept.append(try FlowCookies.draw(besides: cookies(kept), origin)) }
      #expect(Set(kept).count == CodeFlow.flowsMax && kept.allSatisfy(range.contains))
    }
  }

  @Test("Of more ways than a browser may be on, the oldest are forgotten, and before them what nobody can open")
  func surplus() {
    func surplus(_ cookies: [(Int?, String)], _ origin: FlowCookies.Origin = .own) -> [String] {
      let cookies = cookies.enumerated().map {
        FlowCookies.Cookie(place: $0.element.0, value: $0.element.1, name: "f\($0.offset)")
      }
      let (kept, surplus) = FlowCookies.kept(of: cookies, origin) { UnixSeconds($0.prefix(4)) }
      #expect(kept.count < CodeFlow.flowsMax && !kept.contains { surplus.contains($0.name) })
      return surplus
    }
    let full = (1..<CodeFlow.flowsMax).map { (Int?.some($0), "\(1000 + $0)") }
    #expect(surplus([]) == [] && surplus(full) == [])
    #expect(surplus(full + [(40, "2000")]) == ["f0"])
    #expect(surplus([(40, "2000"), (41, "none")] + full) == ["f2", "f1"])
    // Of one second the one that was sent first.
    #expect(surplus((0..<CodeFlow.flowsMax).map { ($0, "1000") }) == ["f0"])
    #expect(surplus((0..<500).map { _ in (nil, "x") }).count == 32)
    // Ways of one origin have none of the other forgotten; what has no place at all is in the way of both.
    let others = (0..<20).map { (Int?.some(CodeFlow.flowPlaces + $0), "3000") }
    #expect(surplus(full + others) == [] && surplus(full + others, .other).count == 20 - CodeFlow.flowsMax + 1)
    #expect(surplus(others + [(nil, "x"), (99, "x")] + full) == ["f21", "f20"])
    let names = surplus(full + others, .other)
    #expect(!names.contains { Int($0.dropFirst()) ?? 0 < full.count })
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
