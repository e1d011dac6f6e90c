import Crypto
import Sockets
import Testing
import Tokens

@testable import Keys

@Suite("Keys that are fetched")
struct RemoteKeysTests {
  static func issuerKey() throws -> IssuerKey {
    try IssuerKey(try SigningKey.generate(.ed25519), algorithm: .eddsa)
  }

  static func source(
    _ server: KeyServer, refreshEvery: Duration = .seconds(600), staleFor: Duration = .seconds(86_400)
  ) -> KeySource {
    KeySource(
      provider: "idp", issuer: server.url, location: .jwksURL(server.url + "/keys"), refreshEvery: refreshEvery,
      staleFor: staleFor)
  }

  struct Bad: Sendable, CustomTestStringConvertible {
    let rule: String
    let response: KeyServer.Response
    let event: String
    var testDescription: String { rule }
  }

  static let bad = [
    Bad(rule: "HTML", response: .text("<!DOCTYPE html>"), event: "no key set: a JSON object"),
    Bad(rule: "empty", response: .text(""), event: "no key set: a JSON object"),
    Bad(rule: "an empty set", response: .text(#"{"keys":[]}"#), event: "the key set is empty"),
    Bad(rule: "a secret alone", response: .text(#"{"keys":[{"kty":"oct","k":"AA"}]}"#), event: "a shared secret"),
    Bad(rule: "status 500", response: .init(status: "500 X", body: []), event: "has status 500"),
    Bad(
      rule: "a redirect", response: .init(status: "302 X", fields: ["Location: file:///etc/passwd"], body: []),
      event: "has status 302"),
    Bad(
      rule: "K-2 too much", response: .init(body: [UInt8](repeating: 0x20, count: 512 * 1024 + 1)),
      event: "larger than 524288 bytes"),
    Bad(
      rule: "K-2 a content coding", response: .init(fields: ["Content-Encoding: gzip"], body: [1]), event: "compressed"),
    Bad(
      rule: "cut off", response: .init(body: Array(#"{"keys":["#.utf8), announced: 1000),
      event: "bytes remaining to read"),
    Bad(rule: "not modified, unasked", response: .init(status: "304 X", body: []), event: "has status 304"),
  ]

  @Test("K-4: a first fetch that fails leaves the provider without keys, and says why", arguments: bad)
  func firstFetchFails(row: Bad) async throws {
    let server = try KeyServer()
    defer { server.stop() }
    server.answer("/keys", row.response)
    let store = try RunningStore([RemoteKeysTests.source(server)])
    defer { store.stop() }
    let before = await store.snapshot().providers[0]
    #expect(before.keySet == nil && !before.firstFetchEnded)
    store.start()
    let keys = try await store.keys("the first fetch ends") { $0.firstFetchEnded }
    #expect(keys.keySet == nil)
    let event = try #require(store.record.allEvents.first)
    #expect(event.contains(row.event) && event.hasSuffix("served: false"))
    #expect(store.record.allSnapshots.first?.providers[0].firstFetchEnded == true)
  }

  @Test("K-5: a fetch that fails later leaves the keys as they are", arguments: bad)
  func laterFetchFails(row: Bad) async throws {
    let server = try KeyServer()
    defer { server.stop() }
    let key = try RemoteKeysTests.issuerKey()
    server.answer("/keys", .init(body: IssuerKey.published([key])))
    let store = try RunningStore([RemoteKeysTests.source(server, refreshEvery: .milliseconds(20))])
    defer { store.stop() }
    store.start()
    let first = try await store.keys("keys arrive") { $0.keySet != nil }
    server.answer("/keys", row.response)
    try await RunningStore.until("a fetch fails") {
      store.record.allEvents.contains { $0.contains(row.event) && $0.hasSuffix("served: true") } ? true : nil
    }
    let after = await store.snapshot().providers[0]
    #expect(after.keySet?.keys.map(\.keyID) == [key.keyID])
    #expect(after.generation == first.generation)
  }

  @Test("K-5: keys that cannot be refreshed die after stale_for, and come back")
  func stale() async throws {
    let server = try KeyServer()
    defer { server.stop() }
    let published = IssuerKey.published([try RemoteKeysTests.issuerKey()])
    server.answer("/keys", .init(body: published))
    let source = RemoteKeysTests.source(server, refreshEvery: .milliseconds(20), staleFor: .seconds(1))
    let store = try RunningStore([source])
    defer { store.stop() }
    store.start()
    let first = try await store.keys("keys arrive") { $0.keySet != nil }
    let failsFrom = ContinuousClock.now
    let began = WallClock.seconds - 60
    server.answer("/keys", .init(status: "503 X", body: []))
    let dead = try await store.keys("keys die") { $0.keySet == nil }
    // The last good fetch was a refresh before the first bad one, or a little more on a busy machine.
    #expect(ContinuousClock.now - failsFrom > .milliseconds(600))
    #expect(dead.generation > first.generation)
    #expect(store.record.allEvents.contains("idp: expired"))
    // They are gone, and since when they could not be fetched is still known.
    let listing = await store.listing()
    #expect(listing.keys.isEmpty && listing.origin == nil && listing.failures > 0)
    #expect(try #require(listing.fetchedAt) >= began)
    server.answer("/keys", .init(body: published))
    let back = try await store.keys("keys come back") { $0.keySet != nil }
    #expect(back.generation > dead.generation)
  }

  @Test(
    "K-5: stale_for counts failures alone: keys that are fetched well stay",
    arguments: [Duration.zero, .milliseconds(30)])
  func staleForBelowRefresh(staleFor: Duration) async throws {
    let server = try KeyServer()
    defer { server.stop() }
    server.answer("/keys", .init(body: IssuerKey.published([try RemoteKeysTests.issuerKey()])))
    let store = try RunningStore([RemoteKeysTests.source(server, staleFor: staleFor)])
    defer { store.stop() }
    store.start()
    try await store.keys("keys arrive") { $0.keySet != nil }
    await store.loopRuns(for: .milliseconds(100))
    #expect(store.record.allEvents == ["idp: 1 keys"])
    #expect(server.requests.count == 1)
    #expect(await store.snapshot().providers[0].keySet != nil)
  }

  @Test("Equal keys keep their generation, other ones get another")
  func generation() async throws {
    let server = try KeyServer()
    defer { server.stop() }
    let keys = [try RemoteKeysTests.issuerKey(), try RemoteKeysTests.issuerKey()]
    server.answer("/keys", .init(body: IssuerKey.published([keys[0]])))
    let store = try RunningStore([RemoteKeysTests.source(server, refreshEvery: .milliseconds(10))])
    defer { store.stop() }
    store.start()
    let first = try await store.keys("keys arrive") { $0.keySet != nil }
    try await RunningStore.until("more fetches") { server.requests.count > 3 ? true : nil }
    #expect(await store.snapshot().providers[0].generation == first.generation)
    server.answer("/keys", .init(body: IssuerKey.published(keys)))
    let second = try await store.keys("both keys") { $0.keySet?.keys.count == 2 }
    #expect(second.generation > first.generation)
    #expect(store.record.allEvents == ["idp: 1 keys", "idp: 2 keys"])
  }

  @Test("RFC 9110 §13.1.2: an entity tag is sent back; after a failure the whole set is asked for")
  func entityTag() async throws {
    let server = try KeyServer()
    defer { server.stop() }
    let body = IssuerKey.published([try RemoteKeysTests.issuerKey()])
    server.answer("/keys", .init(fields: ["ETag: \"v1\""], body: body))
    let store = try RunningStore([RemoteKeysTests.source(server, refreshEvery: .milliseconds(10))])
    defer { store.stop() }
    store.start()
    let first = try await store.keys("keys arrive") { $0.keySet != nil }
    server.answer("/keys", .init(status: "304 Not Modified", body: []))
    let asked = try await RunningStore.until("three fetches more") { server.requests.count > 3 ? server.requests : nil }
    #expect(!asked[0].contains("If-None-Match"))
    #expect(asked[1...3].allSatisfy { $0.contains("If-None-Match: \"v1\"\r\n") })
    let after = await store.snapshot().providers[0]
    #expect(after.generation == first.generation && after.keySet != nil)
    server.answer("/keys", .init(status: "500 X", body: []))
    try await RunningStore.until("a failure") { store.record.allEvents.count > 1 ? true : nil }
    let count = server.requests.count
    let again = try await RunningStore.until("a fetch more") { server.requests.count > count ? server.requests : nil }
    #expect(!again[count].contains("If-None-Match"))
  }

  @Test("K-6: keys that are left out are told, the others used")
  func problems() async throws {
    let server = try KeyServer()
    defer { server.stop() }
    let key = String(decoding: IssuerKey.published([try RemoteKeysTests.issuerKey()]), as: UTF8.self)
    server.answer("/keys", .text(key.replacing("[{", with: #"[{"kty":"oct","kid":"s","k":"AA"},{"#)))
    let store = try RunningStore([RemoteKeysTests.source(server)])
    defer { store.stop() }
    store.start()
    let keys = try await store.keys("keys arrive") { $0.keySet != nil }
    #expect(keys.keySet?.keys.count == 1)
    #expect(
      store.record.allEvents == ["idp: 1 keys", "idp: key \"s\": a shared secret does not belong in a key set"])
  }

  @Test("K-3: unknown keys cost one fetch in 30 seconds, and each asker is answered")
  func refetch() async throws {
    let server = try KeyServer()
    defer { server.stop() }
    server.answer(
      "/keys", .init(body: IssuerKey.published([try RemoteKeysTests.issuerKey()]), delay: .milliseconds(500)))
    let store = try RunningStore([RemoteKeysTests.source(server)])
    defer { store.stop() }
    let began = MonotonicTime.current
    let record = store.record
    // While a fetch runs nobody starts another; its end is the response.
    let told = await store.with { store in
      store.start { record.add($0) }
      for _ in 0..<1000 { store.refetch(provider: 0) }
      return record.allSnapshots.count
    }
    #expect(told == 0)
    let keys = try await store.keys("keys arrive") { $0.keySet != nil }
    #expect(store.record.allSnapshots.count == 1)
    #expect(keys.refetchAllowedAt >= began + .seconds(30))
    #expect(keys.refetchAllowedAt <= .current + .seconds(30))
    // Afterwards everybody is answered at once, with the keys there are.
    await store.with { store in for _ in 0..<1000 { store.refetch(provider: 0) } }
    #expect(store.record.allSnapshots.count == 1001)
    #expect(server.requests.count == 1)
  }

  @Test("K-3: an unknown key is worth a fetch where none was begun in 30 seconds")
  func firstRefetch() async throws {
    let server = try KeyServer()
    defer { server.stop() }
    server.answer("/keys", .init(body: IssuerKey.published([try RemoteKeysTests.issuerKey()])))
    let store = try RunningStore([RemoteKeysTests.source(server)])
    defer { store.stop() }
    #expect(await store.snapshot().providers[0].refetchAllowedAt <= .current)
    await store.with { $0.refetch(provider: 0) }
    try await store.keys("keys arrive") { $0.keySet != nil }
    #expect(server.requests.count == 1)
  }
}
