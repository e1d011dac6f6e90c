import HTTP
import Reason
import Testing
import Tokens

@testable import SignIn

@Suite("Code flow: whoever has shown nothing costs a bounded amount")
struct CodeFlowBoundsTests {
  private let provider: FakeProvider

  init() throws { provider = try FakeProvider() }

  /// What a browser brings back: the query, and the cookie of its way.
  private func begin() async throws -> (callback: String, cookie: String) {
    let response = await provider.get("login")
    let location = try #require(response.field("Location"))
    let state = try #require(FormFields(query: String(location.drop { $0 != "?" }))?.text("state"))
    return ("?code=made-up&state=\(state)", String(try #require(response.cookies.first).prefix { $0 != ";" }))
  }

  private func waitFor(held count: Int) async throws {
    while provider.store.heldCount < count { try await Task.sleep(for: .milliseconds(1)) }
  }

  /// `count` of `work`, of which the store lets none end: what the one that ends all the same came to, and the others.
  private func all<Value: Sendable>(
    _ count: Int, _ work: @escaping @Sendable () async -> Value
  ) async throws -> (first: Value, others: [Value]) {
    provider.store.hold()
    return try await withThrowingTaskGroup(of: Value.self) { group in
      for _ in 0..<count { group.addTask { await work() } }
      let first = try #require(try await group.next())
      try await waitFor(held: count - 1)
      provider.store.goOn()
      var others: [Value] = []
      for try await other in group { others.append(other) }
      return (first, others)
    }
  }

  @Test("D-3: sessions that are looked up at once are bounded, and there is room again")
  func lookUps() async throws {
    let cookie = "s=" + String(repeating: "A", count: 43)
    let provider = provider
    let isUnavailable: @Sendable () async -> Bool = {
      if case .unavailable = await provider.introspect(cookie) { true } else { false }
    }
    let (first, others) = try await all(Limits.lookUpsMax + 1, isUnavailable)
    #expect(first && others.count == Limits.lookUpsMax && !others.contains(true))
    // No session at all gives its place back too.
    for _ in 0...Limits.lookUpsMax { _ = await provider.introspect("s=planted") }
    #expect(await !isUnavailable())
  }

  @Test("D-3: those of one address, or IPv6 /64, take no more than its share, and others are looked up meanwhile")
  func lookUpsOfOneAddress() async throws {
    let cookie = "s=" + String(repeating: "A", count: 43)
    let provider = provider
    let share = Limits.addressLookUpsMax
    for (own, same, foreign) in [
      ("203.0.113.1", "203.0.113.1", "203.0.113.2"), ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"),
    ] {
      let client = try #require(IPAddress(own))
      let neighbour = try #require(IPAddress(same))
      let other = try #require(IPAddress(foreign))
      let isUnavailable: @Sendable (IPAddress?) async -> Bool = { client in
        if case .unavailable = await provider.introspect(cookie, client: client) { true } else { false }
      }
      provider.store.hold()
      try await withThrowingTaskGroup(of: Bool.self) { group in
        for _ in 0..<share { group.addTask { await isUnavailable(client) } }
        try await waitFor(held: share)
        #expect(await isUnavailable(neighbour))
        for sender in [other, nil] { group.addTask { await isUnavailable(sender) } }
        try await waitFor(held: share + 2)
        provider.store.goOn()
        for try await response in group { #expect(!response) }
      }
      // Each has given its place back, what is no session at all too.
      for _ in 0...share { _ = await provider.introspect("s=planted", client: client) }
      #expect(await !isUnavailable(client))
    }
  }

  @Test("D-3: so are requests under the path")
  func requests() async throws {
    let cookie = "__Host-portcullis_session=" + String(repeating: "A", count: 43)
    let provider = provider
    let (first, others) = try await all(Limits.requestsMax + 1) {
      await provider.post("logout", "", cookies: cookie, origin: .own)
    }
    #expect(first.status == 503 && first.reason == .loginBusy && first.field("Retry-After") != nil)
    #expect(others.count == Limits.requestsMax && others.allSatisfy { $0.status == 303 })
    #expect(await provider.get("login").status == 303)
  }

  @Test("D-3: browsers that wait take none of the room of the provider's logouts, which are bounded too")
  func providerLogouts() async throws {
    let cookie = "__Host-portcullis_session=" + String(repeating: "A", count: 43)
    let provider = provider
    let form = "logout_token=" + (try provider.logoutToken(subject: "alice"))
    provider.store.hold()
    try await withThrowingTaskGroup(of: LocalResponse.self) { group in
      for _ in 0..<Limits.requestsMax {
        group.addTask { await provider.post("logout", "", cookies: cookie, origin: .own) }
      }
      try await waitFor(held: Limits.requestsMax)
      let login = await provider.get("login")
      #expect(login.reason == .loginBusy && login.field("Retry-After") == "2")
      // It is read, not turned away for want of room.
      let malformed = await provider.post("backchannel-logout", "logout_token=x", origin: .absent)
      #expect(malformed.status == 400 && malformed.reason == .logoutTokenRefused)
      group.addTask { await provider.post("backchannel-logout", form, origin: .absent) }
      provider.store.goOn()
      var statuses: [Int] = []
      for try await response in group { statuses.append(response.status) }
      #expect(statuses.count == Limits.requestsMax + 1 && statuses.count { $0 == 200 } == 1)
    }
  }

  @Test("D-3: so are codes that are redeemed; who comes in vain may come again")
  func redemptions() async throws {
    let (callback, cookie) = try await begin()
    let (other, otherCookie) = try await begin()
    let provider = provider
    provider.refuses = true
    provider.store.hold()
    let responses = try await withThrowingTaskGroup(of: LocalResponse.self) { group in
      for _ in 0..<Limits.redemptionsMax {
        group.addTask { await provider.get("callback", query: callback, cookies: cookie) }
      }
      try await waitFor(held: Limits.redemptionsMax)
      let busy = await provider.get("callback", query: other, cookies: otherCookie)
      #expect(busy.status == 503 && busy.reason == .loginBusy && busy.cookies.isEmpty)
      // Beginning a way takes none of that room.
      #expect(await provider.get("login").status == 303)
      provider.store.goOn()
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(responses.allSatisfy { $0.reason == .callbackInvalid } && provider.asked.count == 1)
    _ = await provider.get("callback", query: other, cookies: otherCookie)
    #expect(provider.asked.count == 2)
  }

  @Test("C-11: an address that brings made-up codes has the provider asked fifty times in 15 minutes")
  func madeUpCodes() async throws {
    provider.refuses = true
    let guesser = try #require(IPAddress("203.0.113.1"))
    for _ in 0..<Limits.addressFailuresMax {
      let (callback, cookie) = try await begin()
      #expect(
        await provider.get("callback", query: callback, cookies: cookie, client: guesser).reason == .callbackInvalid)
    }
    let (callback, cookie) = try await begin()
    let refused = await provider.get("callback", query: callback, cookies: cookie, client: guesser)
    #expect(refused.status == 429 && refused.reason == .loginThrottled && refused.field("Retry-After") == "900")
    #expect(provider.asked.count == Limits.addressFailuresMax)
    // Its way is not used up, and nobody else is shut out.
    let other = try #require(IPAddress("203.0.113.2"))
    #expect(
      await provider.get("callback", query: callback, cookies: cookie, client: other).reason == .callbackInvalid)
    #expect(provider.asked.count == Limits.addressFailuresMax + 1)
    provider.now += Limits.failuresWithinSeconds
    let (later, laterCookie) = try await begin()
    #expect(
      await provider.get("callback", query: later, cookies: laterCookie, client: guesser).reason == .callbackInvalid)
  }

  @Test("C-11: refusals of the provider, made up or not, write nothing, shut nobody out and use no way up")
  func madeUpRefusals() async throws {
    let (callback, cookie) = try await begin()
    let refusal = callback.replacing("code=made-up", with: "error=access_denied")
    let client = try #require(IPAddress("203.0.113.1"))
    provider.store.hold()
    for _ in 0...(Limits.redemptionsMax + Limits.addressFailuresMax) {
      let response = await provider.get("callback", query: refusal, cookies: cookie, client: client)
      #expect(response.status == 403 && response.reason == .providerRefused)
      // The browser forgets the way.
      #expect(response.cookies.count == 1 && response.cookies.allSatisfy { $0.contains("=; Path=/; Max-Age=0") })
    }
    #expect(provider.store.heldCount == 0 && provider.asked.isEmpty)
    provider.store.goOn()
    _ = await provider.get("callback", query: callback, cookies: cookie, client: client)
    #expect(provider.asked.count == 1)
  }

  @Test("C-11: codes of one address, or IPv6 /64, take no more than its share, and others come in meanwhile")
  func redemptionsOfOneAddress() async throws {
    let provider = provider
    provider.refuses = true
    let share = Limits.addressRedemptionsMax
    for (own, same, foreign) in [
      ("203.0.113.1", "203.0.113.1", "203.0.113.2"), ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"),
    ] {
      let client = try #require(IPAddress(own))
      let neighbour = try #require(IPAddress(same))
      let other = try #require(IPAddress(foreign))
      let (callback, cookie) = try await begin()
      let (second, secondCookie) = try await begin()
      let before = provider.asked.count
      provider.store.hold()
      try await withThrowingTaskGroup(of: LocalResponse.self) { group in
        for _ in 0..<share {
          group.addTask { await provider.get("callback", query: callback, cookies: cookie, client: client) }
        }
        try await waitFor(held: share)
        let busy = await provider.get("callback", query: second, cookies: secondCookie, client: neighbour)
        #expect(busy.status == 503 && busy.reason == .loginBusy && busy.cookies.isEmpty)
        group.addTask { await provider.get("callback", query: second, cookies: secondCookie, client: other) }
        try await waitFor(held: share + 1)
        provider.store.goOn()
        for try await response in group { #expect(response.reason == .callbackInvalid) }
      }
      #expect(provider.asked.count == before + 2)
      // Each has given its place back.
      for _ in 0...share {
        #expect(
          await provider.get("callback", query: callback, cookies: cookie, client: client).reason == .callbackInvalid)
      }
    }
  }

  @Test("C-11: a code that is refused in other words counts too; a client that is refused does not")
  func otherRefusals() async throws {
    provider.refuses = true
    for (refusal, counts) in [("invalid_request", true), ("no_such_code", true), ("invalid_client", false)] {
      provider.refusal = refusal
      provider.now += Limits.failuresWithinSeconds
      let client = try #require(IPAddress("203.0.113.1"))
      for _ in 0..<Limits.addressFailuresMax {
        let (callback, cookie) = try await begin()
        _ = await provider.get("callback", query: callback, cookies: cookie, client: client)
      }
      let asked = provider.asked.count
      let (callback, cookie) = try await begin()
      let last = await provider.get("callback", query: callback, cookies: cookie, client: client)
      #expect((last.reason == .loginThrottled) == counts, "\(refusal)")
      #expect(provider.asked.count == (counts ? asked : asked + 1), "\(refusal)")
    }
  }

  @Test("C-11: what the provider could not answer is nobody's failure")
  func providerDown() async throws {
    provider.isDown = true
    let client = try #require(IPAddress("203.0.113.1"))
    for _ in 0...Limits.addressFailuresMax {
      let (callback, cookie) = try await begin()
      #expect(
        await provider.get("callback", query: callback, cookies: cookie, client: client).reason == .providerUnavailable)
    }
  }
}
