import HTTP
import Sockets
import Testing
import Tokens

@testable import Keys

@Suite("What is said of somebody else's keys")
struct UnusedKeysTests {
  private static func set(_ keys: [String]) throws -> KeySet {
    try KeySet.parse(jwks: Array(#"{"keys":[\#(keys.joined(separator: ","))]}"#.utf8).span)
  }

  static func jwk(_ key: IssuerKey, _ keyID: String?) -> String {
    let published = String(decoding: IssuerKey.published([key]), as: UTF8.self)
    let bare = String(published.dropFirst(#"{"keys":["#.utf8.count).dropLast("]}".utf8.count))
    let named = #""kid":"\#(key.keyID)""#
    return bare.replacing(named, with: keyID.map { #""kid":"\#($0)""# } ?? #""comment":"""#)
  }

  private static func fetched(_ set: KeySet) -> FetchedKeys {
    FetchedKeys(
      set, text: [], address: "", entityTag: nil, fetchedAt: .current, fetchedAtSeconds: 0,
      origin: .network(ShownURL("")),
      seen: [:])
  }

  @Test("Two keys with one kid are one finding and one message")
  func repeated() async throws {
    let keys = try (0..<2).map { _ in UnusedKeysTests.jwk(try RemoteKeysTests.issuerKey(), "a") }
    let good = UnusedKeysTests.jwk(try RemoteKeysTests.issuerKey(), "good")
    let text = #"{"keys":[\#((keys + [good]).joined(separator: ","))]}"#
    let findings = KeyHygiene.findings(Array(text.utf8), algorithms: nil)
    #expect(findings.filter { $0.verdict.hasPrefix("key \"a\"") }.count == 1)
    let server = try KeyServer()
    defer { server.stop() }
    server.answer("/keys", .text(text))
    let store = try RunningStore([RemoteKeysTests.source(server)])
    defer { store.stop() }
    store.start()
    try await store.keys("keys arrive") { $0.keySet != nil }
    #expect(store.record.allEvents.filter { $0.contains("key \"a\"") }.count == 1)
  }

  @Test("Five keys are named, of the others their number; long texts are cut at a character's border")
  func bounds() async throws {
    let bad = (0..<98).map { #"{"kty":"oct","k":"AA","kid":"\#($0)"}"# }
    let long = #"{"kty":"oct","k":"AA","kid":"\#(String(repeating: "é", count: 100_000))"}"#
    let server = try KeyServer()
    defer { server.stop() }
    let good = UnusedKeysTests.jwk(try RemoteKeysTests.issuerKey(), "good")
    server.answer("/keys", .text(#"{"keys":[\#(([long] + bad + [good]).joined(separator: ","))]}"#))
    let store = try RunningStore([RemoteKeysTests.source(server)])
    defer { store.stop() }
    store.start()
    try await store.keys("keys arrive") { $0.keySet != nil }
    let events = store.record.allEvents
    #expect(events.count == 7 && events.last == "idp: 94 more unused")
    #expect(events[1].hasPrefix("idp: key \"\(String(repeating: "é", count: 50))…\": "))
    let error = #expect(throws: KeySetError.self) { try UnusedKeysTests.set([long] + bad) }
    #expect(error.map { $0.description.utf8.count < 1000 && $0.description.hasSuffix("; and 94 more") } == true)
    let other = KeyFault.issuerDiffers(found: String(repeating: "x", count: 400_000))
    #expect(other.description.utf8.count < 300)
  }

  @Test("A set in another order is the same set; other names are other keys")
  func equality() throws {
    let (a, b) = (try RemoteKeysTests.issuerKey(), try RemoteKeysTests.issuerKey())
    let (first, second) = (UnusedKeysTests.jwk(a, nil), UnusedKeysTests.jwk(b, "b"))
    let weak = #"{"kty":"oct","k":"AA"}"#
    let keys = UnusedKeysTests.fetched(try UnusedKeysTests.set([first, second, weak]))
    func isEqual(_ other: [String]) throws -> Bool { keys.isEqual(to: try UnusedKeysTests.set(other)) }
    #expect(try isEqual([weak, second, first]))
    #expect(try !isEqual([first, second, weak, weak]))
    #expect(try !isEqual([first, second, #"{"kty":"oct","k":"AA","kid":"x"}"#]))
    #expect(try !isEqual([UnusedKeysTests.jwk(a, " "), second, weak]))
    #expect(try !isEqual([first, first, weak]))
  }

  @Test("The new order is taken without another generation: keys without names are tried in it")
  func order() async throws {
    let (a, b) = (try RemoteKeysTests.issuerKey(), try RemoteKeysTests.issuerKey())
    let server = try KeyServer()
    defer { server.stop() }
    server.answer("/keys", .init(body: IssuerKey.published([a, b])))
    let store = try RunningStore([RemoteKeysTests.source(server, refreshEvery: .milliseconds(10))])
    defer { store.stop() }
    store.start()
    let first = try await store.keys("keys arrive") { $0.keySet != nil }
    server.answer("/keys", .init(body: IssuerKey.published([b, a])))
    let second = try await store.keys("the new order") { $0.keySet?.keys.first?.keyID == b.keyID }
    #expect(second.generation == first.generation)
  }

  @Test("K-3: a fetch that takes long is not waited for by those who come then")
  func slowFetch() async throws {
    let server = try KeyServer()
    defer { server.stop() }
    let body = IssuerKey.published([try RemoteKeysTests.issuerKey()])
    server.answer("/keys", .init(body: body))
    var source = RemoteKeysTests.source(server)
    let store = try RunningStore([source])
    defer { store.stop() }
    store.start()
    let before = try await store.keys("keys arrive") { $0.keySet != nil }
    server.answer("/keys", .init(body: body, delay: .seconds(60)))
    source.refreshEvery = .seconds(500)
    await store.reload([source])
    // As long as it may be a short one, it is waited for.
    #expect(await store.snapshot().providers[0].refetchAllowedAt <= .current)
    let told = try await RunningStore.until("a snapshot") { store.record.allSnapshots.dropFirst().first }
    #expect(told.providers[0].refetchAllowedAt > .current)
    // Nobody who waits is woken.
    #expect(told.providers[0].answers == before.answers)
  }
}
