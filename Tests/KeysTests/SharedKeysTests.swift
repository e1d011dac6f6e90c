import Crypto
import Sockets
import Testing
import Tokens

@testable import Keys

@Suite("Providers whose keys are the same ones")
struct SharedKeysTests {
  private static func source(
    _ server: KeyServer, provider: String, issuer: String = "https://idp.example",
    certificateAuthorityFile: String? = nil, refreshEvery: Duration = .seconds(600),
    staleFor: Duration = .seconds(86_400)
  ) -> KeySource {
    KeySource(
      provider: provider, issuer: issuer, location: .jwksURL(server.url + "/keys"),
      certificateAuthorityFile: certificateAuthorityFile, refreshEvery: refreshEvery, staleFor: staleFor)
  }

  @Test("They share the fetches and the key objects, and each has generations of its own")
  func shared() async throws {
    let server = try KeyServer()
    defer { server.stop() }
    server.answer("/keys", .init(body: IssuerKey.published([try RemoteKeysTests.issuerKey()])))
    let store = try RunningStore([
      SharedKeysTests.source(server, provider: "a"),
      SharedKeysTests.source(server, provider: "b", issuer: "https://other.example"),
      SharedKeysTests.source(server, provider: "c", certificateAuthorityFile: "/etc/hostname"),
    ])
    defer { store.stop() }
    store.start()
    let providers = try await RunningStore.until("keys of all") {
      let providers = await store.snapshot().providers
      return providers.allSatisfy { $0.keySet != nil } ? providers : nil
    }
    let keys = providers.compactMap { $0.keySet?.keys.first?.key }
    #expect(keys[0] === keys[1] && keys[1] !== keys[2])
    #expect(Set(providers.map(\.generation)).count == 3)
    #expect(server.requests.count == 2)
    #expect(providers.map(\.answers) == [1, 1, 1])
    #expect(Set(store.record.allEvents) == ["a: 1 keys", "b: 1 keys", "c: 1 keys"])
    // One fetch for an unknown key of either.
    await store.with { store in for index in [0, 1, 0, 1] { store.refetch(provider: index) } }
    #expect(server.requests.count == 2)
  }

  @Test("The most often fetched decides; old keys are used as long as each provider says")
  func settings() async throws {
    let server = try KeyServer()
    defer { server.stop() }
    let body = IssuerKey.published([try RemoteKeysTests.issuerKey()])
    server.answer("/keys", .init(body: body))
    let store = try RunningStore([
      SharedKeysTests.source(server, provider: "long"),
      SharedKeysTests.source(server, provider: "short", refreshEvery: .milliseconds(10), staleFor: .milliseconds(300)),
    ])
    defer { store.stop() }
    store.start()
    let before = try await RunningStore.until("several fetches") {
      server.requests.count > 5 ? await store.snapshot().providers : nil
    }
    server.answer("/keys", .init(status: "500 X", body: []))
    let dead = try await RunningStore.until("keys of the short one die") {
      let providers = await store.snapshot().providers
      return providers[1].keySet == nil ? providers : nil
    }
    #expect(dead[0].keySet != nil && dead[0].generation == before[0].generation)
    #expect(dead[1].generation > before[1].generation)
    #expect(store.record.allEvents.filter { $0.contains("expired") } == ["short: expired"])
    server.answer("/keys", .init(body: body))
    let back = try await RunningStore.until("they come back") {
      let providers = await store.snapshot().providers
      return providers[1].keySet != nil ? providers : nil
    }
    #expect(back[0].generation == before[0].generation && back[1].generation > dead[1].generation)
    #expect(back[1].keySet?.keys.first?.key === before[1].keySet?.keys.first?.key)
    let events = store.record.allEvents
    #expect(events.filter { $0.hasSuffix("fetched again") } == ["long: fetched again", "short: fetched again"])
    #expect(events.filter { $0.hasSuffix("1 keys") } == ["long: 1 keys", "short: 1 keys", "short: 1 keys"])
  }

  @Test("One by discovery of an issuer is fetched once for all its providers; another spelling is another issuer")
  func discovery() async throws {
    let server = try KeyServer()
    defer { server.stop() }
    server.answer(
      "/.well-known/openid-configuration", .text(#"{"issuer":"\#(server.url)","jwks_uri":"\#(server.url)/keys"}"#))
    server.answer("/keys", .init(body: IssuerKey.published([try RemoteKeysTests.issuerKey()])))
    let sources = ["", "", "/"].enumerated().map { index, end in
      KeySource(provider: "p\(index)", issuer: server.url + end, location: .discovery)
    }
    let store = try RunningStore(sources)
    defer { store.stop() }
    store.start()
    let providers = try await RunningStore.until("both fetches end") {
      let providers = await store.snapshot().providers
      return providers.allSatisfy { $0.firstFetchEnded } ? providers : nil
    }
    #expect(providers.map { $0.keySet != nil } == [true, true, false])
    #expect(server.requests.count == 3)
  }

  @Test("Reload: one that joins has the keys at once, and the last that leaves ends the fetches")
  func reload() async throws {
    let server = try KeyServer()
    defer { server.stop() }
    server.answer("/keys", .init(body: IssuerKey.published([try RemoteKeysTests.issuerKey()])))
    let a = SharedKeysTests.source(server, provider: "a", refreshEvery: .milliseconds(10))
    let b = SharedKeysTests.source(server, provider: "b", refreshEvery: .milliseconds(10))
    let store = try RunningStore([a])
    defer { store.stop() }
    store.start()
    let first = try await store.keys("keys arrive") { $0.keySet != nil }
    await store.reload([b, a])
    let joined = await store.snapshot().providers
    #expect(joined[1].generation == first.generation && joined[0].generation > first.generation)
    #expect(joined[0].keySet?.keys.first?.key === first.keySet?.keys.first?.key)
    await store.reload([b])
    #expect(await store.snapshot().providers.map(\.generation) == [joined[0].generation])
    let count = server.requests.count
    try await RunningStore.until("more fetches") { server.requests.count > count + 5 ? true : nil }
    await store.reload([])
    let last = server.requests.count
    await store.loopRuns(for: .milliseconds(100))
    // One may have been on its way.
    #expect(server.requests.count <= last + 1)
  }

  @Test("K-4: before other sources are taken, what providers with keys need is fetched, once for all of a place")
  func preparation() async throws {
    let (old, new, gone) = (try KeyServer(), try KeyServer(), try KeyServer())
    defer { for server in [old, new, gone] { server.stop() } }
    let body = IssuerKey.published([try RemoteKeysTests.issuerKey()])
    old.answer("/keys", .init(body: body))
    let b = SharedKeysTests.source(gone, provider: "b")
    let store = try RunningStore([SharedKeysTests.source(old, provider: "a"), b])
    defer { store.stop() }
    store.start()
    let first = try await store.keys("keys arrive") { $0.keySet != nil }
    // To a place that is known, and has brought nothing.
    let refused = await store.prepare([SharedKeysTests.source(gone, provider: "a"), b])
    #expect(refused == #"provider "a": the response has status 404, not 200"#)
    await store.with { $0.abandon() }
    #expect(await store.snapshot().providers[0].generation == first.generation)
    // What it has now is for both.
    gone.answer("/keys", .init(body: IssuerKey.published([try RemoteKeysTests.issuerKey()])))
    #expect(await store.prepare([SharedKeysTests.source(gone, provider: "a"), b]) == nil)
    await store.reload([SharedKeysTests.source(gone, provider: "a"), b])
    let both = await store.snapshot().providers.map { $0.keySet?.keys.first?.key }
    #expect(both[0] != nil && both[0] === both[1] && both[0] !== first.keySet?.keys.first?.key)
    // Who has another name or issuer, and who has keys from there already, waits for nothing.
    for source in [
      SharedKeysTests.source(new, provider: "c"),
      SharedKeysTests.source(new, provider: "a", issuer: "https://x.example"),
      SharedKeysTests.source(gone, provider: "a"),
    ] { #expect(await store.prepare([source, b]) == nil) }
    #expect(new.requests.isEmpty)
  }
}
