import Glibc
import HTTP
import Sockets
import TestSupport
import Testing
import Tokens

@testable import Keys

@Suite("Copies of keys on disk")
struct KeyCopyFileTests {
  private static func source(
    _ server: KeyServer, _ file: String, provider: String = "idp", issuer: String? = nil,
    refreshEvery: Duration = .seconds(600), staleFor: Duration = .seconds(86_400)
  ) -> KeySource {
    KeySource(
      provider: provider, issuer: issuer ?? server.url, location: .jwksURL(server.url + "/keys"),
      refreshEvery: refreshEvery, staleFor: staleFor, cacheFile: file)
  }

  private static var now: UnixSeconds { WallClock.seconds }

  private static func read(_ file: String) -> KeyCopy? {
    guard let bytes = try? FileAccess.read(file, bytesMax: 4 << 20).bytes else { return nil }
    return try? KeyCopy(bytes.span)
  }

  private static func copy(_ server: KeyServer, of key: IssuerKey, age: UnixSeconds = 100) -> KeyCopy {
    KeyCopy(
      issuer: server.url, location: server.url + "/keys", address: server.url + "/keys", entityTag: "\"v1\"",
      fetchedAt: now - age, firstSeen: [key.keyID: 1_600_000_000], text: IssuerKey.published([key]))
  }

  @Test("K-4: a place that is down is waited for by no other sources whose copy has its keys, and by those without")
  func reload() async throws {
    let folder = try TemporaryFolder()
    let file = folder.path + "/new.json"
    let (old, new) = (try KeyServer(), try KeyServer())
    defer { for server in [old, new] { server.stop() } }
    let (first, key) = (try RemoteKeysTests.issuerKey(), try RemoteKeysTests.issuerKey())
    old.answer("/keys", .init(body: IssuerKey.published([first])))
    new.answer("/keys", .init(status: "503 X", body: []))
    let copy = KeyCopy(
      issuer: old.url, location: new.url + "/keys", address: new.url + "/keys", entityTag: nil,
      fetchedAt: KeyCopyFileTests.now - 100, firstSeen: [:], text: IssuerKey.published([key]))
    try FileAccess.createPrivate(file, try copy.serialized())
    let store = try RunningStore([KeyCopyFileTests.source(old, folder.path + "/old.json", issuer: old.url)])
    defer { store.stop() }
    store.start()
    try await store.keys("keys arrive") { $0.keySet != nil }
    let refused = #"provider "idp": the response has status 503, not 200"#
    // Of another place, or of one that somebody else vouches for, too old, and none.
    var vouchedFor = KeyCopyFileTests.source(new, file, issuer: old.url)
    vouchedFor.certificateAuthorityFile = "/etc/ca.pem"
    let unlike = await store.prepare([vouchedFor])
    #expect(unlike != nil)
    for source in [
      KeyCopyFileTests.source(new, folder.path + "/old.json", issuer: old.url),
      KeyCopyFileTests.source(new, file, issuer: old.url, staleFor: .seconds(100)),
      KeyCopyFileTests.source(new, folder.path + "/none.json", issuer: old.url),
    ] { #expect(await store.prepare([source]) == refused) }
    let asked = new.requests.count
    let source = KeyCopyFileTests.source(new, file, issuer: old.url)
    #expect(await store.prepare([source]) == nil)
    #expect(new.requests.count == asked)
    await store.reload([source])
    #expect(await store.snapshot().providers[0].keySet?.keys.map(\.keyID) == [key.keyID])
    #expect(store.record.allEvents.contains("idp: 1 keys of a copy"))
    // Who has been there in vain asks again.
    let other = KeyCopyFileTests.source(new, file, provider: "other", issuer: "https://other.example")
    let second = try RunningStore([
      KeyCopyFileTests.source(old, folder.path + "/old.json", issuer: old.url), other,
    ])
    defer { second.stop() }
    second.start()
    try await RunningStore.until("both fetches end") {
      let providers = await second.snapshot().providers
      return providers[0].keySet != nil && providers[1].firstFetchEnded ? true : nil
    }
    #expect(await second.prepare([source, other]) == refused)
  }

  @Test("What is fetched is written for its owner alone, and used by the next process while the issuer is down")
  func coldStart() async throws {
    let folder = try TemporaryFolder()
    let file = folder.path + "/state/idp.json"
    let server = try KeyServer()
    let key = try RemoteKeysTests.issuerKey()
    let body = IssuerKey.published([key])
    server.answer("/keys", .init(fields: ["ETag: \"v1\""], body: body))
    let first = try RunningStore([KeyCopyFileTests.source(server, file)])
    first.start()
    try await first.keys("keys arrive") { $0.keySet != nil }
    let copy = try await RunningStore.until("the copy") { KeyCopyFileTests.read(file) }
    first.stop()
    #expect(copy.text == body && copy.entityTag == "\"v1\"" && copy.address == server.url + "/keys")
    #expect(try TemporaryFolder.mode(of: file) == 0o600)
    #expect(try FileAccess.names(in: folder.path + "/state") == ["idp.json"])

    server.answer("/keys", .init(status: "503 X", body: []))
    let second = try RunningStore([KeyCopyFileTests.source(server, file)])
    defer { second.stop() }
    // Before anything is fetched, and whoever names another key waits for the first fetch.
    let early = await second.snapshot().providers[0]
    #expect(early.keySet?.keys.map(\.keyID) == [key.keyID])
    #expect(!early.firstFetchEnded && early.refetchAllowedAt <= .current)
    #expect(second.record.allEvents == ["idp: 1 keys of a copy"])
    #expect(await second.listing().origin == .copy(file))
    second.start()
    let later = try await second.keys("the first fetch ends") { $0.firstFetchEnded }
    #expect(later.keySet != nil && later.generation == early.generation)
    #expect(second.record.allEvents.last?.hasSuffix("status 503, not 200; served: true") == true)
    #expect(server.requests[1].contains("If-None-Match: \"v1\"\r\n"))
    server.answer("/keys", .init(body: body))
    try await RunningStore.until("a fetch") { second.record.allEvents.contains("idp: fetched again") ? true : nil }
    let last = await second.listing()
    #expect(last.origin == .network(ShownURL(server.url + "/keys")))
    #expect(last.keys.map(\.firstSeenAt) == [copy.firstSeen[key.keyID]])
    // The same keys all along: nothing that was verified with them is verified anew.
    #expect(await second.snapshot().providers[0].generation == early.generation)
    server.stop()
  }

  @Test("304 with the copy's tag is as good as the keys")
  func notModified() async throws {
    let folder = try TemporaryFolder()
    let server = try KeyServer()
    defer { server.stop() }
    let key = try RemoteKeysTests.issuerKey()
    let file = try folder.write("idp.json", KeyCopyFileTests.copy(server, of: key).serialized())
    server.answer("/keys", .init(status: "304 Not Modified", body: []))
    let store = try RunningStore([KeyCopyFileTests.source(server, file)])
    defer { store.stop() }
    store.start()
    let keys = try await store.keys("the first fetch ends") { $0.firstFetchEnded }
    #expect(keys.keySet != nil)
    #expect(store.record.allEvents == ["idp: 1 keys of a copy"])
    #expect(await store.listing().origin == .network(ShownURL(server.url + "/keys")))
  }

  struct Refused: Sendable, CustomTestStringConvertible {
    let rule: String
    var mode: UInt32 = 0o600
    var owner: UInt32?
    var change: @Sendable (inout KeyCopy) -> Void = { _ in }
    /// What is written instead.
    var text: String?
    let event: String
    var testDescription: String { rule }
  }

  static let refused = [
    Refused(rule: "no copy", text: #"{"version":1,"sha256":"0"#, event: "damaged, or not a copy"),
    Refused(rule: "empty", text: "", event: "damaged, or not a copy"),
    Refused(rule: "a later version's", text: #"{"version":2,"sha256":"0"}"#, event: "another version"),
    Refused(rule: "others may read it", mode: 0o644, event: "has mode 644"),
    Refused(rule: "the group may read it", mode: 0o640, event: "has mode 640"),
    Refused(rule: "others may write it", mode: 0o602, event: "has mode 602"),
    Refused(rule: "another user's", owner: 12345, event: "belongs to another user"),
    Refused(rule: "another issuer's", change: { $0.issuer = "https://evil.example" }, event: "evil.example"),
    Refused(rule: "another issuer's by a slash", change: { $0.issuer += "/" }, event: "it is from the issuer"),
    Refused(rule: "of another address", change: { $0.location += "2" }, event: "it has keys from"),
    Refused(rule: "too old", change: { $0.fetchedAt -= 86_400 }, event: "s old, which refresh.stale_for"),
    Refused(rule: "from the future", change: { $0.fetchedAt += 7200 }, event: "written in the future"),
    Refused(rule: "from before all times", change: { $0.fetchedAt = .min }, event: "written in the future"),
    Refused(rule: "from the end of all times", change: { $0.fetchedAt = .max }, event: "written in the future"),
    Refused(rule: "a key of before all times", change: { $0.firstSeen["x"] = .min }, event: "damaged, or not a copy"),
    Refused(rule: "a key of later", change: { $0.firstSeen["x"] = $0.fetchedAt + 1 }, event: "damaged, or not a copy"),
    Refused(rule: "no key set", change: { $0.text = [] }, event: "no key set"),
    Refused(
      rule: "a private key", change: { $0.text = Array(#"{"keys":[{"kty":"OKP","d":""}]}"#.utf8) }, event: "private"),
  ]

  @Test("A copy that is not to be used is refused with one line, and written anew", arguments: refused)
  func refusal(row: Refused) async throws {
    if row.owner != nil, geteuid() != 0 { return }
    let folder = try TemporaryFolder()
    let server = try KeyServer()
    defer { server.stop() }
    let key = try RemoteKeysTests.issuerKey()
    var copy = KeyCopyFileTests.copy(server, of: key)
    row.change(&copy)
    let bytes = try row.text.map { Array($0.utf8) } ?? copy.serialized()
    let file = try folder.write("idp.json", bytes, mode: row.mode)
    if let owner = row.owner { #expect(unsafe chown(file, owner, owner) == 0) }
    server.answer("/keys", .init(body: IssuerKey.published([key])))
    let store = try RunningStore([KeyCopyFileTests.source(server, file)])
    defer { store.stop() }
    #expect(await store.snapshot().providers[0].keySet == nil)
    #expect(store.record.allEvents.count == 1)
    #expect(store.record.allEvents.first?.contains("idp: copy refused: ") == true)
    #expect(store.record.allEvents.first?.contains(row.event) == true)
    store.start()
    try await store.keys("keys arrive") { $0.keySet != nil }
    try await RunningStore.until("a good copy") {
      let copy = KeyCopyFileTests.read(file)
      return copy?.issuer == server.url && copy.map { $0.fetchedAt > KeyCopyFileTests.now - 60 } == true ? true : nil
    }
    #expect(try TemporaryFolder.mode(of: file) == 0o600)
    #expect(store.record.allEvents.count == 2)
  }

  @Test("A folder in its place, and one that is not there to be made, end nothing")
  func impossible() async throws {
    let folder = try TemporaryFolder()
    let server = try KeyServer()
    defer { server.stop() }
    server.answer("/keys", .init(body: IssuerKey.published([try RemoteKeysTests.issuerKey()])))
    for path in [folder.path, folder.path + "/a/b/idp.json"] {
      let store = try RunningStore([KeyCopyFileTests.source(server, path, refreshEvery: .milliseconds(10))])
      store.start()
      try await RunningStore.until("the fault is said") {
        store.record.allEvents.contains { $0.hasPrefix("idp: copy not written: ") } ? true : nil
      }
      let count = server.requests.count
      try await RunningStore.until("more fetches") { server.requests.count > count + 5 ? true : nil }
      #expect(store.record.allEvents.count { $0.hasPrefix("idp: copy not written: ") } == 1)
      #expect(await store.snapshot().providers[0].keySet != nil)
      store.stop()
    }
    #expect(try FileAccess.names(in: folder.path).isEmpty)
  }

  @Test("A copy that has the keys already is dated anew only where it would get old")
  func dating() async throws {
    let folder = try TemporaryFolder()
    let server = try KeyServer()
    defer { server.stop() }
    let key = try RemoteKeysTests.issuerKey()
    server.answer("/keys", .init(body: IssuerKey.published([key])))
    for (age, isDated) in [(UnixSeconds(100), false), (40_000, false), (43_000, true)] {
      let copy = KeyCopyFileTests.copy(server, of: key, age: age)
      let file = try folder.write("idp.json", copy.serialized())
      let store = try RunningStore([KeyCopyFileTests.source(server, file)])
      store.start()
      try await store.keys("the first fetch ends") { $0.firstFetchEnded }
      if isDated {
        try await RunningStore.until("a new date") {
          KeyCopyFileTests.read(file).map { $0.fetchedAt > KeyCopyFileTests.now - 60 } == true ? true : nil
        }
        #expect(KeyCopyFileTests.read(file)?.firstSeen == copy.firstSeen)
      } else {
        // The next change is written, and nothing before it.
        let other = try RemoteKeysTests.issuerKey()
        let next = try folder.write("other.json", copy.serialized())
        #expect(KeyCopyFileTests.read(file) == copy && KeyCopyFileTests.read(next) == copy)
        server.answer("/keys", .init(body: IssuerKey.published([key, other])))
        await store.reload([KeyCopyFileTests.source(server, file, refreshEvery: .seconds(500))])
        let written = try await RunningStore.until("the new keys") {
          KeyCopyFileTests.read(file).flatMap { $0.firstSeen.count == 2 ? $0 : nil }
        }
        #expect(written.firstSeen[key.keyID] == 1_600_000_000)
        server.answer("/keys", .init(body: IssuerKey.published([key])))
      }
      store.stop()
    }
  }

  @Test("Two gateways with one file do each other no harm")
  func sharedFile() async throws {
    let folder = try TemporaryFolder()
    let file = folder.path + "/idp.json"
    let server = try KeyServer()
    defer { server.stop() }
    // stale_for is so short that each fetch writes.
    let source = KeyCopyFileTests.source(server, file, refreshEvery: .milliseconds(5), staleFor: .seconds(1))
    let stores = try (0..<2).map { _ in try RunningStore([source]) }
    defer { for store in stores { store.stop() } }
    let sets = try (0..<2).map { _ in IssuerKey.published([try RemoteKeysTests.issuerKey()]) }
    server.answer("/keys", .init(body: sets[0]))
    for store in stores { store.start() }
    try await RunningStore.until("the copy") { KeyCopyFileTests.read(file) }
    for index in 0..<200 {
      server.answer("/keys", .init(body: sets[index % 2]))
      try await Task.sleep(for: .milliseconds(2))
      // Whoever looks finds a whole one.
      let copy = try #require(KeyCopyFileTests.read(file))
      #expect(sets.contains(copy.text))
    }
    #expect(stores.allSatisfy { store in !store.record.allEvents.contains { $0.contains("not written") } })
  }

  @Test(
    "What is not a copy is never written over, and said once",
    arguments: ["<html>", "listeners: []", #"{"version":1}"#, #"{"version":,"sha256":""#, #"{"version": 1,"sha256":""#])
  func foreignFile(text: String) async throws {
    let folder = try TemporaryFolder()
    let server = try KeyServer()
    defer { server.stop() }
    server.answer("/keys", .init(body: IssuerKey.published([try RemoteKeysTests.issuerKey()])))
    let file = try folder.write("other", Array(text.utf8))
    let link = folder.path + "/link"
    #expect(unsafe symlink(file, link) == 0)
    for path in [file, link] {
      let store = try RunningStore([KeyCopyFileTests.source(server, path, refreshEvery: .milliseconds(10))])
      defer { store.stop() }
      store.start()
      try await RunningStore.until("the fault is said") {
        store.record.allEvents.contains { $0.hasSuffix("name another cache_file, or remove it") } ? true : nil
      }
      let count = server.requests.count
      try await RunningStore.until("more fetches") { server.requests.count > count + 5 ? true : nil }
      #expect(store.record.allEvents.count { $0.contains("not written") } == 1)
    }
    #expect(try FileAccess.read(file, bytesMax: 1000).bytes == Array(text.utf8))
    #expect(try FileAccess.occupant(of: link, bytesMax: 1) == .other)
  }

  @Test("A copy that was removed is written again with the next good fetch")
  func removed() async throws {
    let folder = try TemporaryFolder()
    let server = try KeyServer()
    defer { server.stop() }
    server.answer("/keys", .init(body: IssuerKey.published([try RemoteKeysTests.issuerKey()])))
    let file = folder.path + "/idp.json"
    let store = try RunningStore([KeyCopyFileTests.source(server, file, refreshEvery: .milliseconds(10))])
    defer { store.stop() }
    store.start()
    let copy = try await RunningStore.until("the copy") { KeyCopyFileTests.read(file) }
    try folder.remove("idp.json")
    let again = try await RunningStore.until("the copy again") { KeyCopyFileTests.read(file) }
    #expect(again.text == copy.text)
  }

  @Test("K-5: the keys of a copy end in time while the first fetch is silent")
  func silentFirstFetch() async throws {
    let folder = try TemporaryFolder()
    let server = try KeyServer()
    defer { server.stop() }
    let key = try RemoteKeysTests.issuerKey()
    server.answer("/keys", .init(body: IssuerKey.published([key]), delay: .seconds(60)))
    let file = try folder.write("idp.json", KeyCopyFileTests.copy(server, of: key, age: 95).serialized())
    let store = try RunningStore([KeyCopyFileTests.source(server, file, staleFor: .seconds(100))])
    defer { store.stop() }
    store.start()
    let dead = try await store.keys("keys die") { $0.keySet == nil }
    // A fetch fails after 10 s.
    #expect(!dead.firstFetchEnded)
    #expect(store.record.allEvents.contains("idp: expired"))
  }

  @Test("Who only looks writes nothing")
  func onlyRead() async throws {
    let folder = try TemporaryFolder()
    let server = try KeyServer()
    defer { server.stop() }
    server.answer("/keys", .init(body: IssuerKey.published([try RemoteKeysTests.issuerKey()])))
    let source = KeyCopyFileTests.source(server, folder.path + "/idp.json", refreshEvery: .milliseconds(5))
    let store = try RunningStore([source], copies: .onlyRead)
    defer { store.stop() }
    store.start()
    try await RunningStore.until("fetches") { server.requests.count > 5 ? true : nil }
    #expect(try FileAccess.names(in: folder.path).isEmpty)
  }

  @Test("A copy as old as stale_for when fetching fails is not used any more")
  func staleCopy() async throws {
    let folder = try TemporaryFolder()
    let server = try KeyServer()
    defer { server.stop() }
    let key = try RemoteKeysTests.issuerKey()
    let file = try folder.write("idp.json", KeyCopyFileTests.copy(server, of: key, age: 92).serialized())
    server.answer("/keys", .init(status: "503 X", body: []))
    let store = try RunningStore([KeyCopyFileTests.source(server, file, staleFor: .seconds(100))])
    defer { store.stop() }
    let before = await store.snapshot().providers[0]
    #expect(before.keySet != nil)
    store.start()
    let dead = try await store.keys("keys die", within: .seconds(90)) { $0.keySet == nil }
    #expect(dead.generation > before.generation)
    #expect(store.record.allEvents.contains("idp: expired"))
    #expect(await store.listing().keys.isEmpty)
  }
}
