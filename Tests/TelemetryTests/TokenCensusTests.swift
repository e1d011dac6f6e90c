import Telemetry
import Testing
import Tokens

@Suite("The census of tokens")
struct TokenCensusTests {
  private static func kind(_ key: String?, provider: String = "company", audience: String? = nil) -> TokenCensus.Kind {
    TokenCensus.Kind(
      provider: provider, issuer: "https://id.example", key: key, algorithm: .es256, audience: audience)
  }

  private static func arrival(_ now: UnixSeconds, _ place: TokenPlace = .bearer) -> TokenArrival {
    TokenArrival(place: place, issuedAt: now - 100, expiresAt: now + 500, now: now)
  }

  private static func counted(_ census: TokenCensus, _ key: String) throws -> TokenCounts {
    try #require(census.kinds.first { $0.kind.key == key }).counts
  }

  @Test("A kind is looked for once, and counted by its handle from then on")
  func handles() throws {
    var census = TokenCensus(since: 1000)
    var asked = 0
    var handle = TokenCensus.Handle.none
    for second: Int64 in 0..<5 {
      handle = census.count(Self.arrival(1000 + second), known: handle) {
        asked += 1
        return Self.kind("a")
      }
    }
    #expect(asked == 1)
    _ = census.count(Self.arrival(1010, .cookie), known: .none) { Self.kind("a") }
    _ = census.count(Self.arrival(1003), known: .none) { Self.kind("b") }
    let counts = try Self.counted(census, "a")
    #expect((counts.use.count, counts.use.first, counts.use.last) == (6, 1000, 1010))
    #expect(counts.use.lastExpiry == 1510)
    #expect((counts.use(in: .bearer).count, counts.use(in: .cookie).count) == (5, 1))
    #expect((counts.use(in: .bearer).last, counts.use(in: .cookie).first) == (1004, 1010))
    #expect(try Self.counted(census, "b").use.count == 1)
    #expect(census.since == 1000)
  }

  @Test("Ages and what is left to live are counted by bounds")
  func ages() {
    var census = TokenCensus(since: 0)
    for (issuedAt, expiresAt) in [(940, 1060), (939, 1061), (nil, 990), (-1_000_000, 9_000_000)] as [(Int64?, Int64)] {
      _ = census.count(
        TokenArrival(place: .dpop, issuedAt: issuedAt, expiresAt: expiresAt, now: 1000), known: .none
      ) { Self.kind(nil) }
    }
    let counts = census.kinds[0].counts
    #expect((0...7).map { counts.ages.count(of: $0) } == [1, 1, 0, 0, 0, 0, 0, 1])
    #expect((0...7).map { counts.remains.count(of: $0) } == [2, 1, 0, 0, 0, 0, 0, 1])
    #expect((counts.ages.total, counts.remains.total) == (3, 4))
  }

  @Test("What the code flow brings has no age, no audience, and counts by its key")
  func codeFlow() throws {
    var census = TokenCensus(since: 0)
    _ = census.count(Self.arrival(1000), known: .none) { Self.kind("a") }
    _ = census.count(Self.arrival(1001, .codeFlow), known: .none) { Self.kind("a") }
    let counts = try Self.counted(census, "a")
    #expect((counts.use.count, counts.use.last, counts.use(in: .codeFlow).count) == (2, 1001, 1))
    #expect((counts.ages.total, counts.remains.total) == (1, 1))
  }

  @Test("What loops have counted is added up by kind, with the first and the last of all")
  func added() throws {
    var sum = TokenCensus(since: 0)
    for (start, key) in [(1000, "a"), (2000, "b"), (500, "a")] as [(Int64, String)] {
      var census = TokenCensus(since: start)
      _ = census.count(Self.arrival(start + 1), known: .none) { Self.kind(key) }
      _ = census.count(Self.arrival(start + 7), known: .none) { Self.kind(key, provider: "other") }
      sum.add(census)
    }
    #expect((sum.kinds.count, sum.since) == (4, 2000))
    let counts = try Self.counted(sum, "a")
    #expect((counts.use.count, counts.use.first, counts.use.last) == (2, 501, 1001))
  }

  @Test("So many kinds are held and no more: whoever was not seen for longest leaves, and that is said")
  func bounded() throws {
    var census = TokenCensus(since: 0, kindsMax: 3)
    var handles: [TokenCensus.Handle] = []
    for (index, key) in ["a", "b", "c"].enumerated() {
      handles.append(census.count(Self.arrival(100 + Int64(index)), known: .none) { Self.kind(key) })
    }
    handles[0] = census.count(Self.arrival(110), known: handles[0]) { Self.kind("a") }
    _ = census.count(Self.arrival(120), known: .none) { Self.kind("d") }
    #expect(Set(census.kinds.compactMap(\.kind.key)) == ["a", "c", "d"])
    #expect(census.since == 101)
    // A token that was remembered with the place of one that has left is not counted as what stands there now.
    _ = census.count(Self.arrival(130), known: handles[1]) { Self.kind("b") }
    #expect(Set(census.kinds.compactMap(\.kind.key)) == ["a", "b", "d"])
    #expect(try Self.counted(census, "d").use.count == 1)
    #expect(try Self.counted(census, "b").use.count == 1)
    #expect(census.since == 102)
  }
}
