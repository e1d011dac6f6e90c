import Crypto
import Glibc
import Sockets
import TestSupport
import Testing
import Tokens

@testable import Keys

@Suite("The store of all keys")
struct KeyStoreTests {
  private static func discovery(_ server: KeyServer, issuer: String? = nil) -> KeySource {
    KeySource(provider: "idp", issuer: issuer ?? server.url, location: .discovery)
  }

  private static func remote(_ server: KeyServer, provider: String = "idp") -> KeySource {
    KeySource(
      provider: provider, issuer: server.url, location: .jwksURL(server.url + "/keys"),
      refreshEvery: .milliseconds(10))
  }

  @Test("K-7: discovery leads to the keys where the document is the issuer's")
  func discovery() async throws {
    let server = try KeyServer()
    defer { server.stop() }
    server.answer(
      "/.well-known/openid-configuration", .text(#"{"issuer":"\#(server.url)","jwks_uri":"\#(server.url)/keys"}"#))
    server.answer("/keys", .init(body: IssuerKey.published([try RemoteKeysTests.issuerKey()])))
    let store = try RunningStore([KeyStoreTests.discovery(server)])
    defer { store.stop() }
    store.start()
    try await store.keys("keys arrive") { $0.keySet != nil }
    #expect(server.requests.count == 2)
    // One end of a fetch, not two.
    #expect(store.record.allSnapshots.count == 1)
  }

  /// As HTTP has it (RFC 9110 §5.6.7).
  private static func date(_ seconds: Int) -> String {
    var time = time_t(seconds)
    var parts = unsafe tm()
    unsafe gmtime_r(&time, &parts)
    let text = unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
      unsafe strftime(buffer.baseAddress!, 64, "%a, %d %b %Y %H:%M:%S GMT", &parts)
      return unsafe String(cString: buffer.baseAddress!)
    }
    return "Date: " + text
  }

  @Test("A clock that differs from the issuer's is told of once, and that it agrees again")
  func clocks() async throws {
    let server = try KeyServer()
    defer { server.stop() }
    let body = IssuerKey.published([try RemoteKeysTests.issuerKey()])
    let now = Int(WallClock.seconds)
    func answer(_ fields: [String]) { server.answer("/keys", .init(fields: fields, body: body)) }
    answer([KeyStoreTests.date(now + 605)])
    let store = try RunningStore([KeyStoreTests.remote(server)])
    defer { store.stop() }
    store.start()
    let told = { store.record.allEvents.filter { $0.contains("clock") } }
    try await RunningStore.until("it is behind") { told().isEmpty ? nil : true }
    // None, no date, one that was in a cache for long: nothing to tell of, or to take back.
    for fields in [[], ["Date: yesterday"], ["Date: Mon, 01 Jan 1900 00:00:00 GMT"]] {
      answer(fields)
      let count = server.requests.count
      try await RunningStore.until("two more fetches") { server.requests.count > count + 2 ? true : nil }
    }
    #expect(told() == ["idp: clock behind 10 min"])
    answer([KeyStoreTests.date(now - 3600), "Age: 3600"])
    try await RunningStore.until("it agrees") { told().count == 2 ? true : nil }
    answer([KeyStoreTests.date(now - 605)])
    try await RunningStore.until("it is ahead") { told().count == 3 ? true : nil }
    #expect(told() == ["idp: clock behind 10 min", "idp: clocks agree", "idp: clock ahead 10 min"])
  }

  struct Document: Sendable, CustomTestStringConvertible {
    let rule: String
    /// `URL` stands for the server's address.
    let text: String
    let event: String
    var testDescription: String { rule }
  }

  static let documents = [
    Document(
      rule: "K-7 another issuer", text: #"{"issuer":"URL/","jwks_uri":"URL/keys"}"#,
      event: "the discovery document is for the issuer"),
    Document(
      rule: "K-1 keys in a file", text: #"{"issuer":"URL","jwks_uri":"file:///etc/passwd"}"#,
      event: "neither https nor http on loopback"),
    Document(
      rule: "K-1 keys elsewhere, in plain text", text: #"{"issuer":"URL","jwks_uri":"http://192.0.2.1/keys"}"#,
      event: "neither https nor http on loopback"),
    Document(rule: "K-5 HTML", text: "<html>", event: "no discovery document"),
    Document(
      rule: "keys at an address that is too long",
      text: #"{"issuer":"URL","jwks_uri":"URL/keys?\#(String(repeating: "k", count: 2048))"}"#,
      event: "the discovery document has keys at an address of 20"),
  ]

  @Test("K-1, K-7: documents that lead nowhere", arguments: documents)
  func document(row: Document) async throws {
    let server = try KeyServer()
    defer { server.stop() }
    server.answer("/.well-known/openid-configuration", .text(row.text.replacing("URL", with: server.url)))
    server.answer("/keys", .init(body: IssuerKey.published([try RemoteKeysTests.issuerKey()])))
    let store = try RunningStore([KeyStoreTests.discovery(server)])
    defer { store.stop() }
    store.start()
    let keys = try await store.keys("the first fetch ends") { $0.firstFetchEnded }
    #expect(keys.keySet == nil)
    #expect(try #require(store.record.allEvents.first).contains(row.event))
    #expect(server.requests.allSatisfy { $0.hasPrefix("GET /.well-known/") })
  }

  @Test("Keys of this machine are there before anything is fetched")
  func localKeys() async throws {
    let folder = try TemporaryFolder()
    let key = try RemoteKeysTests.issuerKey()
    let set = try folder.write("keys.json", IssuerKey.published([key]))
    let secret = try folder.write("secret", [UInt8](repeating: 7, count: 32))
    let signing = try TemporaryFolder()
    let issuer = "https://idp.example"
    let store = try RunningStore([
      KeySource(provider: "file", issuer: issuer, location: .jwksFile(set)),
      KeySource(provider: "secret", issuer: issuer, location: .secretFile(secret)),
      KeySource(provider: "own", issuer: issuer, location: .signing(folder: signing.path, .eddsa)),
      KeySource(provider: "shared", issuer: issuer, location: .signingSecret(file: secret, former: [], .hs256)),
    ])
    defer { store.stop() }
    let providers = await store.snapshot().providers
    #expect(providers.map { $0.keySet?.keys.count } == [1, 1, 1, 1])
    #expect(providers.map { $0.keySet?.isSecret } == [false, true, false, true])
    #expect(providers.map { $0.signer?.algorithm } == [nil, nil, .eddsa, .hs256])
    #expect(providers.allSatisfy { $0.firstFetchEnded })
    #expect(Set(providers.map(\.generation)).count == 4)
    // An unknown key of a file is never worth a fetch.
    #expect(providers.allSatisfy { $0.refetchAllowedAt > .current + .seconds(1_000_000) })
    #expect(store.record.allEvents == ["own: generated"])
    let own = await store.with { $0.issuerKeys(provider: "own").map(\.key.keyID) }
    #expect(own == providers[2].keySet?.keys.map(\.keyID))
    #expect(await store.with { $0.issuerKeys(provider: "file").isEmpty })
  }

  @Test("Reload: equal files keep their generation, changed ones get another, broken ones change nothing")
  func reloadFile() async throws {
    let folder = try TemporaryFolder()
    let keys = [try RemoteKeysTests.issuerKey(), try RemoteKeysTests.issuerKey()]
    let file = try folder.write("keys.json", IssuerKey.published([keys[0]]))
    let sources = [KeySource(provider: "file", issuer: "https://idp.example", location: .jwksFile(file))]
    let store = try RunningStore(sources)
    defer { store.stop() }
    let reload: @Sendable (KeyStore) -> KeyFault? = { store in
      do throws(KeyStoreError) {
        try store.reload(sources: sources)
        return nil
      } catch {
        return error.fault
      }
    }
    let first = await store.snapshot().providers[0]
    #expect(await store.with(reload) == nil)
    #expect(await store.snapshot().providers[0].generation == first.generation)
    try folder.write("keys.json", Array("<html>".utf8))
    #expect(try #require(await store.with(reload)).description.contains("no key set"))
    let unchanged = await store.snapshot().providers[0]
    #expect(unchanged.generation == first.generation)
    #expect(unchanged.keySet?.keys.map(\.keyID) == [keys[0].keyID])
    try folder.write("keys.json", IssuerKey.published([keys[1]]))
    #expect(await store.with(reload) == nil)
    let changed = await store.snapshot().providers[0]
    #expect(changed.generation > first.generation)
    #expect(changed.keySet?.keys.map(\.keyID) == [keys[1].keyID])
  }

  @Test("Reload: keys of its own that have gone are not replaced; a provider that is new gets one")
  func reloadSigning() async throws {
    let folder = try TemporaryFolder()
    let source = KeySource(
      provider: "own", issuer: "https://idp.example", location: .signing(folder: folder.path, .eddsa))
    let store = try RunningStore([source])
    defer { store.stop() }
    let before = await store.snapshot().providers[0]
    let name = try #require(FileAccess.names(in: folder.path).first)
    let pem = try FileAccess.read(folder.path + "/" + name, bytesMax: 65_536).bytes
    let reload: @Sendable ([KeySource]) async -> KeyFault? = { sources in
      await store.with { store in
        do throws(KeyStoreError) {
          try store.reload(sources: sources)
          return nil
        } catch {
          return error.fault
        }
      }
    }
    try folder.remove(name)
    #expect(try #require(await reload([source])).description.contains("no longer holds the keys in use"))
    #expect(try FileAccess.names(in: folder.path).isEmpty)
    #expect(await store.snapshot().providers[0].generation == before.generation)
    // Of another algorithm: tokens that are out are not of it.
    try folder.write("own.ES256.1.pem", SigningKey.generate(.ellipticCurve(.p256)).pem())
    #expect(try #require(await reload([source])).description.contains("no longer holds the keys in use"))
    try folder.write(name, pem)
    let other = try TemporaryFolder()
    let new = KeySource(provider: "new", issuer: "https://idp.example", location: .signing(folder: other.path, .eddsa))
    #expect(await reload([source, new]) == nil)
    #expect(try FileAccess.names(in: other.path).count == 1)
  }

  @Test("Who only looks at tokens makes no key")
  func noFirstKey() throws {
    let folder = try TemporaryFolder()
    let source = KeySource(
      provider: "own", issuer: "https://idp.example", location: .signing(folder: folder.path + "/state", .eddsa))
    let error = try #require(throws: KeyStoreError.self) {
      try KeyStore(sources: [source], firstKey: .refused, loop: RunningStore.loop()) { _ in }
    }
    #expect(error.description.contains("keys generate"))
    #expect(try FileAccess.names(in: folder.path).isEmpty)
  }

  @Test("Reload: a source that stays keeps its keys; one that goes is no longer fetched; a new one is")
  func reloadRemote() async throws {
    let servers = [try KeyServer(), try KeyServer(), try KeyServer()]
    defer { for server in servers { server.stop() } }
    for server in servers {
      server.answer("/keys", .init(body: IssuerKey.published([try RemoteKeysTests.issuerKey()])))
    }
    let sources = servers.enumerated().map { KeyStoreTests.remote($1, provider: "p\($0)") }
    let store = try RunningStore([sources[0], sources[1]])
    defer { store.stop() }
    store.start()
    let before = try await RunningStore.until("keys of both") {
      let providers = await store.snapshot().providers
      return providers.allSatisfy { $0.keySet != nil } ? providers : nil
    }
    await store.with { store in #expect(throws: Never.self) { try store.reload(sources: [sources[2], sources[1]]) } }
    let gone = servers[0].requests.count
    let after = await store.snapshot().providers
    #expect(after[1].generation == before[1].generation && after[1].keySet != nil)
    try await store.keys("the new one's keys") { $0.keySet != nil }
    #expect(await store.snapshot().providers[0].generation > before[1].generation)
    let kept = servers[1].requests.count
    try await RunningStore.until("more fetches of the one that stays") {
      servers[1].requests.count > kept + 5 ? true : nil
    }
    // One fetch may have been on its way.
    #expect(servers[0].requests.count <= gone + 1)
  }

  @Test("An unknown key of a provider that has no address is answered at once; of one that is not there, nobody waits")
  func refetchOfNothing() async throws {
    let folder = try TemporaryFolder()
    let secret = try folder.write("secret", [UInt8](repeating: 7, count: 32))
    let store = try RunningStore([
      KeySource(provider: "secret", issuer: "https://idp.example", location: .secretFile(secret))
    ])
    defer { store.stop() }
    store.start()
    for index in [0, 1, -1, Int.max] { await store.with { $0.refetch(provider: index) } }
    #expect(store.record.allSnapshots.count == 1)
  }
}
