import Crypto
import HTTP
import Sockets
import TestSupport
import Testing
import Tokens

@testable import Keys

@Suite("The life of a key set")
struct KeyLifeTests {
  private static func fast(_ server: KeyServer) -> KeySource {
    RemoteKeysTests.source(server, refreshEvery: .milliseconds(10))
  }

  @Test("Failures are said once, with the age of the keys in use, and so is their end")
  func failures() async throws {
    let server = try KeyServer()
    defer { server.stop() }
    let body = IssuerKey.published([try RemoteKeysTests.issuerKey()])
    server.answer("/keys", .init(body: body))
    let store = try RunningStore([KeyLifeTests.fast(server)])
    defer { store.stop() }
    store.start()
    try await store.keys("keys arrive") { $0.keySet != nil }
    server.answer("/keys", .init(status: "500 X", body: []))
    try await RunningStore.until("many failures") { await store.listing().failures > 30 ? true : nil }
    server.answer("/keys", .init(body: body))
    try await RunningStore.until("the end") { await store.listing().failures == 0 ? true : nil }
    let events = store.record.keyEvents
    #expect(events.count == 3)
    guard case .fetchFailed(let failure) = events[1], case .fetchedAgain(_, let count, _) = events[2] else {
      Issue.record("\(events)")
      return
    }
    let inUse = try #require(failure.keysInUse)
    #expect(failure.failures == 1 && count > 30)
    #expect(inUse.age < .seconds(20) && inUse.age + inUse.remaining == .seconds(86_400))
  }

  @Test("The same keys in other words keep their generation; what is not used is said once for each change")
  func otherWords() async throws {
    let server = try KeyServer()
    defer { server.stop() }
    let keys = [try RemoteKeysTests.issuerKey(), try RemoteKeysTests.issuerKey()]
    func text(_ keys: [IssuerKey], _ more: String = "") -> String {
      let published = String(decoding: IssuerKey.published(keys), as: UTF8.self)
      return published.replacing("[{", with: #"[{"kty":"oct","kid":"s","k":"AA"},{"#) + more
    }
    server.answer("/keys", .text(text(keys)))
    let store = try RunningStore([KeyLifeTests.fast(server)])
    defer { store.stop() }
    store.start()
    let first = try await store.keys("keys arrive") { $0.keySet != nil }
    for other in [
      text(keys, " "), text(keys.reversed()), text(keys).replacing("{\"keys\"", with: "{\"at\":7,\"keys\""),
    ] {
      server.answer("/keys", .text(other))
      let count = server.requests.count
      try await RunningStore.until("fetches") { server.requests.count > count + 2 ? true : nil }
    }
    let same = await store.snapshot().providers[0]
    #expect(same.generation == first.generation)
    #expect(store.record.allEvents.count == 2)
    // Another name, or another algorithm, is another key; another fault is another set.
    var generation = first.generation
    var events = 2
    for other in [
      text(keys).replacing(keys[0].keyID, with: "renamed"),
      text(keys).replacing(keys[0].keyID, with: "renamed").replacing(#""kid":"s""#, with: #""kid":"t""#),
      text(keys).replacing(#","alg":"EdDSA""#, with: ""),
    ] {
      server.answer("/keys", .text(other))
      let before = generation
      generation = try await store.keys("another generation") { $0.generation > before }.generation
      events += 2
      #expect(store.record.allEvents.count == events)
    }
  }

  @Test("An issuer that moves its keys is followed, and the entity tag of the old place is not sent to the new one")
  func moved() async throws {
    let server = try KeyServer()
    defer { server.stop() }
    let keys = [try RemoteKeysTests.issuerKey(), try RemoteKeysTests.issuerKey()]
    func discovery(_ path: String) -> KeyServer.Response {
      .text(#"{"issuer":"\#(server.url)","jwks_uri":"\#(server.url)\#(path)"}"#)
    }
    server.answer("/.well-known/openid-configuration", discovery("/old"))
    server.answer("/old", .init(fields: ["ETag: \"1\""], body: IssuerKey.published([keys[0]])))
    server.answer("/new", .init(fields: ["ETag: \"1\""], body: IssuerKey.published([keys[1]])))
    let store = try RunningStore([
      KeySource(provider: "idp", issuer: server.url, location: .discovery, refreshEvery: .milliseconds(10))
    ])
    defer { store.stop() }
    store.start()
    try await store.keys("the old keys") { $0.keySet?.keys.first?.keyID == keys[0].keyID }
    try await RunningStore.until("a tag is sent") {
      server.requests.contains { $0.hasPrefix("GET /old") && $0.contains("If-None-Match") } ? true : nil
    }
    server.answer("/.well-known/openid-configuration", discovery("/new"))
    try await store.keys("the new keys") { $0.keySet?.keys.first?.keyID == keys[1].keyID }
    #expect(try #require(server.requests.first { $0.hasPrefix("GET /new") }).contains("If-None-Match") == false)
    #expect(await store.listing().origin == .network(ShownURL(server.url + "/new")))
  }

  @Test("Keys that are gone from where they were are looked for again", arguments: ["404 Not Found", "410 Gone"])
  func gone(status: String) async throws {
    let server = try KeyServer()
    defer { server.stop() }
    let elsewhere = try KeyServer()
    let body = IssuerKey.published([try RemoteKeysTests.issuerKey()])
    func discovery(_ url: String) -> KeyServer.Response { .text(#"{"issuer":"\#(server.url)","jwks_uri":"\#(url)"}"#) }
    server.answer("/.well-known/openid-configuration", discovery(server.url + "/old"))
    server.answer("/old", .init(status: status, body: []))
    server.answer("/new", .init(body: body))
    let store = try RunningStore([KeySource(provider: "idp", issuer: server.url, location: .discovery)])
    defer { store.stop() }
    store.start()
    try await RunningStore.until("a failure") { store.record.allEvents.first { $0.contains(String(status.prefix(3))) } }
    server.answer("/.well-known/openid-configuration", discovery(elsewhere.url + "/keys"))
    elsewhere.stop()
    try await RunningStore.until("nobody is there") { store.record.allEvents.count == 2 ? true : nil }
    server.answer("/.well-known/openid-configuration", discovery(server.url + "/new"))
    try await store.keys("keys arrive") { $0.keySet != nil }
  }

  @Test("RFC 9111: the issuer's max-age shortens the time to the next fetch; 304 without one leaves it")
  func freshness() async throws {
    let server = try KeyServer()
    defer { server.stop() }
    let body = IssuerKey.published([try RemoteKeysTests.issuerKey()])
    server.answer("/keys", .init(fields: ["ETag: \"1\"", "Cache-Control: max-age=100", "Age: 10"], body: body))
    let store = try RunningStore([RemoteKeysTests.source(server)])
    defer { store.stop() }
    store.start()
    try await store.keys("keys arrive") { $0.answers == 1 }
    #expect(await store.listing().fetchedEvery == .seconds(90))
    for (index, (response, interval)) in KeyLifeTests.answers.enumerated() {
      server.answer("/keys", response)
      // Another `every` is a reason to fetch.
      await store.reload([RemoteKeysTests.source(server, refreshEvery: .seconds(601 + index))])
      try await store.keys("a fetch") { $0.answers == index + 2 }
      #expect(await store.listing().fetchedEvery == .seconds(interval))
    }
    #expect(store.record.allEvents == ["idp: 1 keys"])
  }

  private static let answers = [
    (KeyServer.Response(status: "304 Not Modified", body: []), 90),
    (KeyServer.Response(status: "304 Not Modified", fields: ["Cache-Control: max-age=200"], body: []), 200),
    (KeyServer.Response(status: "304 Not Modified", fields: ["Cache-Control: no-store, max-age=0"], body: []), 603),
  ]

  @Test("What people see of keys: where they came from, since when, and those that are in force")
  func listing() async throws {
    let folder = try TemporaryFolder()
    let signing = try TemporaryFolder()
    let server = try KeyServer()
    defer { server.stop() }
    let key = try RemoteKeysTests.issuerKey()
    server.answer("/keys", .init(body: IssuerKey.published([key])))
    let file = try folder.write("keys.json", IssuerKey.published([key]))
    let secret = try folder.write("secret", [UInt8](repeating: 7, count: 32))
    let issuer = "https://idp.example"
    let began = WallClock.seconds
    let store = try RunningStore([
      RemoteKeysTests.source(server), KeySource(provider: "file", issuer: issuer, location: .jwksFile(file)),
      KeySource(provider: "secret", issuer: issuer, location: .secretFile(secret)),
      KeySource(provider: "own", issuer: issuer, location: .signing(folder: signing.path, .eddsa)),
    ])
    defer { store.stop() }
    let early = await store.listing()
    #expect(early.origin == nil && early.keys.isEmpty && early.fetchedAt == nil)
    store.start()
    try await store.keys("keys arrive") { $0.keySet != nil }
    let all = await store.with { $0.listings }
    #expect(all.map(\.provider) == ["idp", "file", "secret", "own"])
    #expect(
      all.map(\.origin) == [
        .network(ShownURL(server.url + "/keys")), .file(file), .file(secret), .ownFolder(signing.path),
      ])
    #expect(all.map { $0.keys.map(\.thumbprint) }.prefix(3) == [[key.keyID], [key.keyID], [nil]])
    #expect(all[3].keys.map(\.thumbprint) == all[3].keys.map(\.key.keyID))
    for listing in all {
      #expect(try #require(listing.fetchedAt) >= began)
      #expect(listing.keys.allSatisfy { $0.firstSeenAt >= began - 1 && $0.firstSeenAt <= began + 60 })
    }
  }

  @Test("A key that comes later is seen later; one that stays keeps its time")
  func firstSeen() throws {
    func keys(_ text: [UInt8], at time: UnixSeconds, _ seen: [String: UnixSeconds]) throws -> FetchedKeys {
      FetchedKeys(
        try KeySet.parse(jwks: text.span), text: text, address: "", entityTag: nil, fetchedAt: .current,
        fetchedAtSeconds: time, origin: .network(ShownURL("")), seen: seen)
    }
    let issuerKeys = try (0..<3).map { _ in try RemoteKeysTests.issuerKey() }
    let first = try keys(IssuerKey.published(Array(issuerKeys[0...1])), at: 100, [:])
    let second = try keys(IssuerKey.published(Array(issuerKeys[1...2])), at: 200, first.firstSeen)
    #expect(second.firstSeen == [issuerKeys[1].keyID: 100, issuerKeys[2].keyID: 200])
  }
}
