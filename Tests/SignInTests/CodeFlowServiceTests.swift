import Configuration
import Crypto
import Fetch
import Glibc
import HTTP
import JSON
import OAuth
import Reason
import Sockets
import State
import Synchronization
import Testing
import Tokens

@testable import SignIn

@Suite("Signing in at a provider, from the first page to the last")
struct CodeFlowServiceTests {
  private let provider: FakeProvider

  init() throws { provider = try FakeProvider() }

  /// Goes to the provider: where it was sent, and with which cookie.
  private func begin(returnTo: String = "/a?b=c") async throws -> (query: FormFields, cookie: String) {
    let response = await provider.get("login", query: AuthorizationRequest.add([("return_to", returnTo)], to: ""))
    #expect(response.status == 303)
    let location = try #require(response.field("Location"))
    #expect(location.hasPrefix("https://id.example/auth?response_type=code&client_id=shop"))
    let cookie = try #require(response.cookies.first)
    #expect(cookie.hasPrefix("__Host-portcullis_flow_"))
    #expect(cookie.hasSuffix("; Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure"))
    return (try #require(FormFields(query: String(location.drop { $0 != "?" }))), String(cookie.prefix { $0 != ";" }))
  }

  private func comeBack(_ state: String, _ cookie: String, more: String = "") async -> LocalResponse {
    await provider.get("callback", query: "?code=c0de&state=\(state)\(more)", cookies: cookie)
  }

  /// The session's cookie, of a sign-in that goes well.
  private func signIn(cookies: String = "") async throws -> String {
    let (query, cookie) = try await begin()
    provider.nonce = try #require(query.text("nonce"))
    let response = await comeBack(try #require(query.text("state")), cookies.isEmpty ? cookie : cookies + "; " + cookie)
    #expect(response.status == 303 && response.field("Location") == "/a?b=c")
    let session = try #require(response.cookies.first)
    #expect(session.hasSuffix("; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax; Secure"))
    // The way's cookie has served.
    #expect(
      response.cookies.dropFirst().contains { $0.hasPrefix(cookie.prefix { $0 != "=" } + "=; Path=/; Max-Age=0") })
    return String(session.prefix { $0 != ";" })
  }

  private func whose(_ cookie: String) async -> String {
    switch await provider.introspect(cookie) {
    case .active(let token): token.claims.subject ?? "nobody"
    case .inactive: "inactive"
    case .refused(let error): error.reason.rawValue
    case .unavailable: "unavailable"
    }
  }

  @Test("C-5, C-6, C-9: the whole way; what was sent comes back, and the cookie says who it is")
  func whole() async throws {
    let session = try await signIn()
    #expect(await whose(session) == "alice")
    let asked = try #require(provider.asked.last)
    #expect(asked.contains("code=c0de") && asked.contains("code_verifier="))
    #expect(asked.contains("redirect_uri=https%3A%2F%2Fapp.example%2Foauth%2Fcallback"))
  }

  @Test("C-5: replayed, another browser's, one bit flipped, repeated parameters: 400, and nothing is asked")
  func strangers() async throws {
    let (query, cookie) = try await begin()
    let state = try #require(query.text("state"))
    let (other, otherCookie) = try await begin()
    var flipped = Array(cookie.utf8)
    flipped[flipped.count - 10] ^= 1
    for (state, cookie, more) in [
      (state, "", ""), (state, otherCookie, ""), (try #require(other.text("state")), cookie, ""),
      (state, String(decoding: flipped, as: UTF8.self), ""), (state, cookie, "&state=\(state)"),
      (state, cookie, "&code=c0de"), (state, cookie, "&iss=https%3A%2F%2Fevil.example"),
      (state, cookie + "; " + cookie, ""),
      (String(state.dropLast()), cookie, ""), (state, cookie, "&error=access_denied"),
    ] {
      let response = await comeBack(state, cookie, more: more)
      #expect(response.status == 400 && response.reason == .callbackInvalid)
    }
    provider.now += 600
    #expect(await comeBack(state, cookie).reason == .callbackInvalid)
    provider.now -= 600
    #expect(provider.asked.isEmpty)
    provider.nonce = try #require(query.text("nonce"))
    #expect(await comeBack(state, cookie).status == 303)
    #expect(await comeBack(state, cookie).reason == .callbackInvalid)
    #expect(provider.asked.count == 1)
  }

  @Test("C-5, C-7: operators hear why, and no reason that anybody can provoke hides another")
  func strangersAreSaid() async throws {
    let (query, cookie) = try await begin()
    let state = try #require(query.text("state"))
    let (_, otherCookie) = try await begin()
    var flipped = Array(cookie.utf8)
    flipped[flipped.count - 10] ^= 1
    let name = cookie.prefix { $0 != "=" }
    for _ in 0..<2 { #expect(await comeBack("x", cookie).reason == .callbackInvalid) }
    for (cookie, more) in [
      (cookie, "&state=\(state)"), (cookie, "&iss=https%3A%2F%2Fevil.example"), ("", ""),
      (String(decoding: flipped, as: UTF8.self), ""), (String(name + otherCookie.drop { $0 != "=" }), ""),
    ] {
      for _ in 0..<2 { #expect(await comeBack(state, cookie, more: more).reason == .callbackInvalid) }
    }
    provider.now += 600
    for _ in 0..<2 { #expect(await comeBack(state, cookie).reason == .callbackInvalid) }
    provider.now -= 600
    provider.nonce = try #require(query.text("nonce"))
    #expect(await comeBack(state, cookie).status == 303)
    for _ in 0..<2 { #expect(await comeBack(state, cookie).reason == .callbackInvalid) }
    let said = provider.said.compactMap { event in
      if case .callbackRefused(let fault, count: 1, _) = event { fault } else { nil }
    }
    #expect(
      said == [
        .stateForeign, .malformed, .issuerMismatch, .cookieMissing, .cookieForeign, .stateMismatch, .tooOld, .replayed,
      ])
  }

  @Test("C-5: a tab whose cookie is lost has a page that leads where it wanted to, whatever session there is")
  func lostCookie() async throws {
    let (query, cookie) = try await begin(returnTo: "/wanted?a=b")
    let state = try #require(query.text("state"))
    let (_, otherCookie) = try await begin()
    let taken = String(cookie.prefix { $0 != "=" } + otherCookie.drop { $0 != "=" })
    let session = try await signIn()
    let said = provider.signedIn
    func check(_ state: String, _ kept: String, leads: Bool) async {
      let response = await comeBack(state, kept)
      #expect(response.status == 400 && response.reason == .callbackInvalid)
      #expect(response.field("Location") == nil && response.cookies.isEmpty)
      let page = String(decoding: response.body, as: UTF8.self)
      #expect(page.contains("login?return_to=%2Fwanted%3Fa%3Db") == leads)
    }
    for kept in ["", taken, session, session + "; " + taken] { await check(state, kept, leads: true) }
    // Of what was not made here nothing is believed.
    for state in ["x", String(state.dropLast(4))] { await check(state, session, leads: false) }
    provider.now += 600
    await check(state, session + "; " + cookie, leads: true)
    #expect(provider.signedIn == said)
  }

  @Test("C-5: a way back that is loaded again has a page, and the code is not redeemed again")
  func loadedAgain() async throws {
    let (query, cookie) = try await begin(returnTo: "/wanted")
    provider.nonce = try #require(query.text("nonce"))
    let state = try #require(query.text("state"))
    let first = await comeBack(state, cookie)
    let session = String(try #require(first.cookies.first).prefix { $0 != ";" })
    let asked = provider.asked.count
    for kept in [session, session + "; " + cookie, cookie] {
      #expect(await comeBack(state, kept).reason == .callbackInvalid)
    }
    #expect(provider.asked.count == asked && provider.signedIn == 1)
  }

  @Test("The page of a tab that was to show more of the user asks for that again")
  func lostStepUp() async throws {
    let response = await provider.get("login", query: "?return_to=/strong&acr_values=gold")
    let location = try #require(response.field("Location"))
    let state = try #require(FormFields(query: String(location.drop { $0 != "?" }))?.text("state"))
    let session = try await signIn()
    let page = await comeBack(state, session)
    #expect(page.reason == .callbackInvalid && page.field("Location") == nil)
    #expect(String(decoding: page.body, as: UTF8.self).contains("acr_values=gold"))
  }

  @Test(
    "C-5: what pages of other sites have a browser begin takes no place of a way that the user began",
    arguments: [
      [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")],
      [("sec-fetch-site", "same-site"), ("sec-fetch-mode", "navigate")],
      [("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "no-cors")],
    ])
  func displacing(by fields: [(String, String)]) async throws {
    let (query, own) = try await begin()
    var cookies = [own]
    let long = "?return_to=/" + String(repeating: "a", count: 1000) + "&acr_values=gold"
    func open(_ kept: [String]) async -> [String] {
      let response = await provider.get("login", query: long, cookies: kept.joined(separator: "; "), fields: fields)
      #expect(response.status == 303)
      return response.cookies
    }
    func keep(_ set: [String]) {
      for cookie in set {
        let pair = String(cookie.prefix { $0 != ";" })
        let name = pair.prefix { $0 != "=" } + "="
        cookies.removeAll { $0.hasPrefix(name) }
        if !pair.hasSuffix("=") { cookies.append(pair) }
      }
    }
    // One after the other, and many before the browser has heard of any.
    for _ in 0..<40 { keep(await open(cookies)) }
    #expect(cookies.count == 1 + CodeFlow.flowsMax && cookies.contains(own))
    let kept = cookies
    for _ in 0..<60 { keep(await open(kept)) }
    #expect(cookies.count <= 1 + CodeFlow.flowPlacesOfOthers && cookies.contains(own))
    #expect(cookies.joined(separator: "; ").utf8.count < 4096)
    provider.nonce = try #require(query.text("nonce"))
    let response = await comeBack(try #require(query.text("state")), cookies.joined(separator: "; "))
    #expect(response.status == 303 && response.field("Location") == "/a?b=c")
  }

  @Test("C-7: an ID token for another nonce or another client begins no session")
  func foreignTokens() async throws {
    let (query, cookie) = try await begin()
    provider.nonce = "another"
    let response = await comeBack(try #require(query.text("state")), cookie)
    #expect(response.status == 401 && response.reason == .idTokenRefused)
    #expect(!response.cookies.contains { $0.contains("portcullis_session") })
    let (second, secondCookie) = try await begin()
    provider.nonce = try #require(second.text("nonce"))
    provider.audience = "other"
    #expect(await comeBack(try #require(second.text("state")), secondCookie).reason == .idTokenRefused)
  }

  @Test("The provider's refusal is told, and its words are not shown")
  func refusal() async throws {
    let (query, cookie) = try await begin()
    let state = try #require(query.text("state"))
    let response = await provider.get(
      "callback", query: "?error=access_denied&error_description=%3Cb%3Ecanary&state=\(state)", cookies: cookie)
    #expect(response.status == 403 && response.reason == .providerRefused)
    #expect(!String(decoding: response.body, as: UTF8.self).contains("canary"))
  }

  @Test("C-4: nobody is sent elsewhere", arguments: ["//e", "/\\e", "https://evil.example", "/%09/e"])
  func returnTo(text: String) async throws {
    let (query, cookie) = try await begin(returnTo: text)
    provider.nonce = try #require(query.text("nonce"))
    #expect(await comeBack(try #require(query.text("state")), cookie).field("Location") == "/")
  }

  @Test("C-9: a new sign-in ends the session that the browser had; a planted cookie is none")
  func former() async throws {
    let first = try await signIn()
    let second = try await signIn(cookies: first)
    #expect(first != second)
    #expect(await whose(first) == "inactive")
    #expect(await whose(second) == "alice")
    #expect(provider.ended.count == 1)
    #expect(await whose("__Host-portcullis_session=planted") == "inactive")
  }

  @Test("When the access token is over the provider is asked once, whoever waits; what it says no more to ends")
  func renewal() async throws {
    let session = try await signIn()
    provider.now += 299
    #expect(await whose(session) == "alice")
    #expect(provider.asked.count == 1)
    provider.now += 1
    async let first = whose(session)
    async let second = whose(session)
    #expect(await [first, second] == ["alice", "alice"])
    #expect(provider.asked.count == 2)
    #expect(try #require(provider.asked.last).contains("grant_type=refresh_token&refresh_token=r1"))
    provider.now += 300
    #expect(await whose(session) == "alice")
    #expect(try #require(provider.asked.last).contains("refresh_token=r2"))
    provider.now += 300
    provider.isDown = true
    #expect(await whose(session) == "unavailable")
    provider.isDown = false
    provider.now += CodeFlow.renewalPauseSeconds
    provider.refuses = true
    #expect(await whose(session) == "inactive")
    provider.refuses = false
    #expect(await whose(session) == "inactive")
    #expect(provider.ended.count == 1)
  }

  @Test(
    "What a provider refuses for the person's sake ends the session, whatever it calls that",
    arguments: ["invalid_grant", "interaction_required", "login_required", "consent_required", "access_denied"])
  func renewalRefused(error: String) async throws {
    let session = try await signIn()
    provider.now += 300
    provider.refuses = true
    provider.refusal = error
    #expect(await whose(session) == "inactive")
    #expect(await whose(session) == "inactive")
    #expect(provider.asked.count == 2 && provider.ended.count == 1)
    let said = provider.said.compactMap { event in if case .notRenewed(_, let why) = event { why } else { nil } }
    #expect(said == ["the provider says \(error)"])
  }

  @Test(
    "What is the client's fault or the provider's ends no session, and it is not asked with every request",
    arguments: ["invalid_client", "unauthorized_client", "server_error", "temporarily_unavailable"])
  func renewalPaused(error: String) async throws {
    let session = try await signIn()
    provider.now += 300
    provider.refuses = true
    provider.refusal = error
    for _ in 0..<3 { #expect(await whose(session) == "unavailable") }
    provider.now += CodeFlow.renewalPauseSeconds - 1
    #expect(await whose(session) == "unavailable")
    #expect(provider.asked.count == 2)
    provider.now += 1
    #expect(await whose(session) == "unavailable")
    #expect(provider.asked.count == 3)
    provider.refuses = false
    provider.now += CodeFlow.renewalPauseSeconds
    #expect(await whose(session) == "alice")
    #expect(provider.ended.isEmpty)
    for event in provider.said { if case .failed = event { Issue.record("a renewal is not a sign-in") } }
    let counts = provider.said.compactMap { event in
      if case .renewalFailed(_, let count) = event { count } else { nil }
    }
    #expect(counts == [1])
  }

  @Test("A pause is bounded, ends, and is no longer where the clock is set back")
  func pauses() {
    var pauses = RenewalPauses()
    pauses.begin([1], now: 100)
    #expect(pauses.holds([1], now: 102) && !pauses.holds([1], now: 103) && !pauses.holds([2], now: 100))
    #expect(!pauses.holds([1], now: 50))
    for number in 0..<(Limits.renewalPausesMax * 2) {
      pauses.begin([UInt8(number & 255), UInt8(number >> 8 & 255), UInt8(number >> 16)], now: 100)
    }
    #expect(!pauses.holds([0, 255, 0], now: 100))
    pauses.begin([7], now: 103)
    #expect(pauses.holds([7], now: 103))
  }

  @Test("A loop looks again each second where another process may be renewing the session")
  func lookingAgain() async throws {
    let session = try await signIn()
    for (passed, seconds) in [(0, 30), (239, 30), (240, 1), (299, 1)] as [(Int64, Int64)] {
      provider.now += passed
      guard case .active(let token) = await provider.introspect(session) else {
        Issue.record("not active after \(passed)")
        continue
      }
      #expect(token.deadline - provider.now == seconds)
      // Of what the provider tries on tokens, a session has claims alone: its audience and its age are its own.
      #expect(token.claims.triedRefusal(at: provider.now) == .claimMissing)
      provider.now -= passed
    }
    #expect(provider.asked.count == 1)
  }

  @Test("What the provider gives is tried to be kept more than once: what it gave before may be over")
  func renewalKept() async throws {
    let session = try await signIn()
    provider.now += 300
    provider.failingWrites = 2
    #expect(await whose(session) == "alice")
    provider.now += 300
    #expect(await whose(session) == "alice")
    #expect(try #require(provider.asked.last).contains("refresh_token=r2"))
    provider.now += 300
    provider.failingWrites = 3
    #expect(await whose(session) == "unavailable")
  }

  @Test("A store that fails is said once, and not each time")
  func storeFails() async throws {
    let session = try await signIn()
    for _ in 0..<3 {
      provider.now += 300
      provider.failingWrites = 3
      #expect(await whose(session) == "unavailable")
    }
    let counts = provider.said.compactMap { event in
      if case .storeFailed("the disk is full", let count) = event { count } else { nil }
    }
    #expect(counts == [1])
  }

  @Test("C-8, C-9: logout is a POST of an own page, ends the session here, and goes on at the provider")
  func logout() async throws {
    let session = try await signIn()
    #expect(await provider.get("logout", cookies: session).status == 405)
    #expect(await provider.post("logout", "", cookies: session, origin: .foreign).status == 403)
    #expect(await whose(session) == "alice")
    let response = await provider.post("logout", "", cookies: session, origin: .own)
    #expect(response.status == 303)
    let location = try #require(response.field("Location"))
    let without = "https://id.example/out?client_id=shop&post_logout_redirect_uri=https%3A%2F%2Fapp.example%2F"
    #expect(location.hasPrefix(without + "&id_token_hint=ey"))
    let hint = try #require(FormFields(query: String(location.drop { $0 != "?" }))?["id_token_hint"])
    #expect(try DecodedToken(hint.span).claims["nonce"]?.string == provider.nonce)
    #expect(response.cookies.first?.hasPrefix("__Host-portcullis_session=; Path=/; Max-Age=0") == true)
    #expect(await whose(session) == "inactive")
    #expect(provider.ended.count == 1)
  }

  @Test("An ID token that no URL holds stays out of it")
  func longHint() async throws {
    provider.groups = (0..<500).map { "group-\($0)" }
    let session = try await signIn()
    let response = await provider.post("logout", "", cookies: session, origin: .own)
    #expect(
      response.field("Location")
        == "https://id.example/out?client_id=shop&post_logout_redirect_uri=https%3A%2F%2Fapp.example%2F")
  }

  @Test("The provider ends sessions, with a token that is good once")
  func logoutByProvider() async throws {
    let first = try await signIn()
    let second = try await signIn()
    let token = try provider.logoutToken(subject: "alice")
    #expect(await provider.post("backchannel-logout", "logout_token=x", origin: .absent).status == 400)
    #expect(await whose(first) == "alice")
    #expect(await provider.post("backchannel-logout", "logout_token=\(token)", origin: .absent).status == 200)
    #expect(await whose(first) == "inactive")
    #expect(await whose(second) == "inactive")
    #expect(provider.ended.count == 2)
    let again = await provider.post("backchannel-logout", "logout_token=\(token)", origin: .absent)
    #expect(again.status == 400 && again.reason == .logoutTokenRefused)
  }
}
