import Access
import Testing
import Tokens

@testable import Proxy

@Suite("Verified tokens")
struct VerifiedTokenCacheTests {
  private let identity: Identity
  private let deadline: UnixSeconds

  init() throws {
    let verified = try Issuer.verified(try Issuer.token(expiresAt: Issuer.now + 60))
    identity = .token(verified)
    deadline = verified.deadline
  }

  /// What an entry of so many token bytes counts.
  private func cost(_ tokenBytes: Int) -> Int {
    tokenBytes + identity.bytesHeld + VerifiedTokenCache.entryOverheadBytes
  }

  private func insert(
    _ text: String, _ cache: inout VerifiedTokenCache, provider: Int = 0, generation: UInt64 = 1
  ) -> Int? {
    let bytes = Array(text.utf8)
    return cache.insert(
      bytes.span, provider: provider, keyGeneration: generation, revocationGeneration: 1, identity: identity,
      deadline: deadline)
  }

  private func has(
    _ text: String, _ cache: inout VerifiedTokenCache, provider: Int = 0, generation: UInt64 = 1,
    now: UnixSeconds = Issuer.now
  ) -> Bool {
    let bytes = Array(text.utf8)
    return cache.find(bytes.span, provider: provider, keyGeneration: generation, now: now) != nil
  }

  @Test("T-16: a token is found by its whole bytes and its provider, and by nothing less")
  func wholeBytes() {
    var cache = VerifiedTokenCache(countMax: 10, bytesMax: 100_000)
    #expect(!has("token", &cache))
    #expect(insert("token", &cache) != nil)
    #expect(has("token", &cache))
    for other in ["toke", "tokenx", "tokem", "Token", ""] { #expect(!has(other, &cache), "\(other)") }
    #expect(!has("token", &cache, provider: 1))
  }

  @Test("T-16: a token dies at `exp` and the leeway, and with its keys")
  func dies() {
    var cache = VerifiedTokenCache(countMax: 10, bytesMax: 100_000)
    #expect(insert("token", &cache) != nil)
    #expect(has("token", &cache, now: Issuer.now + 69))
    #expect(!has("token", &cache, now: Issuer.now + 70))
    // It is gone, not only passed over.
    #expect(cache.count == 0 && cache.bytesHeld == 0)
    #expect(insert("token", &cache) != nil)
    #expect(!has("token", &cache, generation: 2))
    #expect(cache.count == 0)
    #expect(insert("token", &cache) != nil)
    cache.removeAll()
    #expect(!has("token", &cache))
  }

  @Test("T-13: nor is a token found before it is good, by a clock that was ahead when it was verified")
  func clockSetBack() throws {
    let now = Issuer.now
    // The leeway of ten seconds counts.
    let rows: [(members: String, validFrom: UnixSeconds)] = [
      ("\"iat\":\(now)", now - 10), ("\"nbf\":\(now + 10)", now),
      ("\"iat\":\(now - 50),\"nbf\":\(now - 5)", now - 15), ("\"iat\":\(now - 5),\"nbf\":\(now - 50)", now - 15),
    ]
    for (members, validFrom) in rows {
      var cache = VerifiedTokenCache(countMax: 10, bytesMax: 100_000)
      let identity = Identity.token(try Issuer.verified(try Issuer.token(members)))
      let bytes = Array("token".utf8)
      _ = cache.insert(
        bytes.span, provider: 0, keyGeneration: 1, revocationGeneration: 1, identity: identity, deadline: deadline)
      #expect(has("token", &cache, now: validFrom), "\(members)")
      #expect(!has("token", &cache, now: validFrom - 1) && cache.count == 0, "\(members)")
    }
    // One that does not say is good at any time before its end.
    var cache = VerifiedTokenCache(countMax: 10, bytesMax: 100_000)
    #expect(insert("token", &cache) != nil && has("token", &cache, now: -now))
  }

  @Test("The cache is bounded by number and by bytes")
  func bounded() {
    var cache = VerifiedTokenCache(countMax: 50, bytesMax: 1 << 20)
    for number in 0..<1000 {
      #expect(insert("token \(number)", &cache) != nil)
      #expect(cache.count <= 50)
    }
    #expect(cache.count == 50)
    #expect((950..<1000).allSatisfy { has("token \($0)", &cache) })
    let most = cost(9) * 11
    var small = VerifiedTokenCache(countMax: 50, bytesMax: most)
    for number in 100..<200 {
      #expect(insert("token \(number)", &small) != nil)
      #expect(small.bytesHeld <= most)
    }
    #expect(small.count == 11)
    let long = String(repeating: "x", count: most - cost(0) + 1)
    #expect(insert(long, &small) == nil)
    #expect(insert(String(long.dropLast()), &small) != nil)
    #expect(small.count == 1 && small.bytesHeld == most)
  }

  @Test("What is used stays when room is made")
  func used() {
    var cache = VerifiedTokenCache(countMax: 10, bytesMax: 1 << 20)
    for number in 0..<10 { #expect(insert("token \(number)", &cache) != nil) }
    for number in 10..<500 {
      #expect(has("token 3", &cache))
      #expect(insert("token \(number)", &cache) != nil)
    }
    #expect(has("token 3", &cache))
    #expect(!has("token 4", &cache))
  }

  @Test("Rendered identity headers are kept by mapping, four at most, and go with their token")
  func rendered() throws {
    var cache = VerifiedTokenCache(countMax: 2, bytesMax: 1 << 20)
    let place = try #require(insert("token", &cache))
    for mapping in 0..<6 { cache.keep(Array("X: \(mapping)\r\n".utf8), at: place, mapping: mapping) }
    for mapping in 0..<6 {
      #expect(cache.rendered(at: place, mapping: mapping) == (mapping < 4 ? Array("X: \(mapping)\r\n".utf8) : nil))
    }
    #expect(cache.bytesHeld == cost(5) + 4 * 6)
    #expect(!has("token", &cache, generation: 2))
    #expect(cache.bytesHeld == 0)
    let again = try #require(insert("other", &cache))
    #expect(cache.rendered(at: again, mapping: 0) == nil)
  }

  @Test("Against a plain dictionary: whatever comes and goes")
  func reference() {
    var cache = VerifiedTokenCache(countMax: 10_000, bytesMax: 1 << 24)
    var known: [String: UInt64] = [:]
    var state: UInt64 = 1
    for _ in 0..<6000 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let text = "token \(state >> 33 & 0x3FF)"
      let generation = state >> 50 & 1
      let isKnown = known[text] == generation
      #expect(has(text, &cache, generation: generation) == isKnown)
      if isKnown { continue }
      // An entry of other keys has been dropped by the look.
      #expect(insert(text, &cache, generation: generation) != nil)
      known[text] = generation
      #expect(cache.count == known.count)
    }
  }
}
