import Synchronization
import TestSupport
import Testing

@testable import State

@Suite("Sessions in SQLite")
struct SessionStoreTests {
  private let folder: StoreFolder
  private let store: SQLiteSessionStore

  init() throws {
    folder = try StoreFolder()
    store = try SQLiteSessionStore(path: folder.path + "/company.sessions.db")
  }

  private func record(
    _ id: String, subject: String = "alice", session: String? = nil, beganAt: Int64 = 1000
  ) -> SessionRecord {
    SessionRecord(
      id: id, provider: "company", subject: subject, providerSessionID: session, claims: Array(#"{"sub":"x"}"#.utf8),
      sealedTokens: [0, 1, 255], renewAt: beganAt + 300, beganAt: beganAt, lastUsedAt: beganAt,
      expiresAt: beganAt + 43_200)
  }

  private static func hash(_ byte: UInt8) -> [UInt8] { [UInt8](repeating: byte, count: 32) }

  private func begin(
    _ record: SessionRecord, _ byte: UInt8, former: [UInt8]? = nil, origin: SessionOrigin? = nil
  ) async throws -> [String]? {
    // By default after whatever a provider has ended.
    let origin = origin ?? SessionOrigin(beganAt: 5000, authenticatedAt: 5000)
    return try await ask {
      store.begin(record, hash: Self.hash(byte), former: former, origin: origin, completion: $0)
    }
  }

  private func find(
    _ byte: UInt8, now: Int64, idle: Int64 = 7200, provider: String = "company"
  ) async throws -> SessionRecord? {
    try await ask {
      store.find(hash: Self.hash(byte), provider: provider, now: now, idleSeconds: idle, completion: $0)
    }
  }

  private func ask<Value: Sendable>(
    _ body: (@escaping @Sendable (Result<Value, StoreFault>) -> Void) -> Void
  ) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in body { continuation.resume(with: $0) } }
  }

  @Test("A session is found as it was kept, by its hash and its provider alone")
  func kept() async throws {
    #expect(try await begin(record("a", session: "s1"), 1) == [])
    #expect(try await find(1, now: 1030) == record("a", session: "s1"))
    #expect(try await find(2, now: 1030) == nil)
    #expect(try await find(1, now: 1030, provider: "other") == nil)
    #expect(try await find(1, now: 44_199, idle: 100_000) != nil)
    #expect(try await find(1, now: 44_200, idle: 100_000) == nil)
  }

  @Test(
    "A user has so many sessions at once; the one that was used longest ago ends, and one that is over counts for none")
  func perSubject() async throws {
    let over = SignInLimits.perSubject / 2
    for number in 0..<over { _ = try await begin(record("over\(number)", beganAt: 1000), UInt8(number)) }
    let later: Int64 = 1000 + 43_200
    for number in 0..<SignInLimits.perSubject {
      let began = record("s\(number)", beganAt: later + Int64(number))
      #expect(try await begin(began, UInt8(over + number)) == [])
    }
    #expect(try await begin(record("bob", subject: "bob", beganAt: later + 500), 254) == [])
    #expect(try await begin(record("new", beganAt: later + 500), 255) == ["s0"])
    #expect(try await find(UInt8(over), now: later + 501) == nil)
    #expect(try await find(UInt8(over + 1), now: later + 501)?.id == "s1")
  }

  @Test("It ends when it is not used; use is written once a minute")
  func idle() async throws {
    _ = try await begin(record("a"), 1)
    #expect(try await find(1, now: 1059)?.lastUsedAt == 1000)
    #expect(try await find(1, now: 1060)?.lastUsedAt == 1060)
    #expect(try await find(1, now: 8260)?.lastUsedAt == 8260)
    #expect(try await find(1, now: 15_461) == nil)
    // It has ended, and does not come back with another bound.
    #expect(try await find(1, now: 15_461, idle: 100_000) == nil)
    let ended = try await ask { store.newlyEnded(completion: $0) }
    #expect(ended == [EndedSignIn(id: "a", provider: "company", until: 15_461 + 3660)])
  }

  @Test("C-9: a new sign-in ends the session that the browser had")
  func former() async throws {
    _ = try await begin(record("a"), 1)
    #expect(try await begin(record("b"), 2, former: Self.hash(1)) == ["a"])
    #expect(try await find(1, now: 1001) == nil)
    #expect(try await find(2, now: 1001)?.id == "b")
    #expect(try await begin(record("c"), 3, former: Self.hash(9)) == [])
  }

  @Test("What is renewed goes on, once for each time that it was found")
  func renewed() async throws {
    _ = try await begin(record("a"), 1)
    var next = record("a")
    next.renewAt = 1600
    next.sealedTokens = [7]
    next.claims = Array("{}".utf8)
    let kept = next
    #expect(try await ask { store.renew(kept, hash: Self.hash(1), found: 1300, completion: $0) })
    #expect(try await find(1, now: 1001)?.sealedTokens == [7])
    #expect(try await !ask { store.renew(kept, hash: Self.hash(1), found: 1300, completion: $0) })
    _ = try await ask { store.end(hash: Self.hash(1), provider: "company", now: 1002, completion: $0) }
    #expect(try await !ask { store.renew(kept, hash: Self.hash(1), found: 1600, completion: $0) })
    #expect(try await find(1, now: 1003) == nil)
  }

  @Test("Logout ends one, once")
  func ended() async throws {
    _ = try await begin(record("a"), 1)
    _ = try await begin(record("b"), 2)
    let end: @Sendable (String) async throws -> SessionRecord? = { provider in
      try await ask { store.end(hash: Self.hash(1), provider: provider, now: 1001, completion: $0) }
    }
    #expect(try await end("other") == nil)
    #expect(try await end("company")?.id == "a")
    #expect(try await end("company") == nil)
    #expect(try await find(2, now: 1001)?.id == "b")
  }

  @Test("Sessions that go on are listed, and ended by their id, a user's, or all")
  func listed() async throws {
    for (index, id) in ["a", "b", "c", "d"].enumerated() {
      let subject = id == "c" ? "bob" : "alice"
      _ = try await begin(record(id, subject: subject, beganAt: 1000 + Int64(index)), UInt8(index + 1))
    }
    let list: @Sendable (String?, String, Int64) async throws -> [String] = { subject, provider, now in
      try await ask {
        store.list(provider: provider, subject: subject, now: now, idleSeconds: 7200, completion: $0)
      }.map(\.id)
    }
    let end: @Sendable (String, String) async throws -> Bool = { id, provider in
      try await ask { store.end(id: id, provider: provider, now: 1010, completion: $0) }
    }
    let endAll: @Sendable (String?) async throws -> [String] = { subject in
      try await ask { store.endAll(subject: subject, provider: "company", now: 1010, completion: $0) }
    }
    #expect(try await list(nil, "company", 1010) == ["d", "c", "b", "a"])
    #expect(try await list("bob", "company", 1010) == ["c"])
    #expect(try await list(nil, "other", 1010) == [])
    #expect(try await list(nil, "company", 8202) == ["d", "c"])
    let shown = try await ask {
      store.list(provider: "company", subject: "bob", now: 1010, idleSeconds: 7200, completion: $0)
    }
    #expect(
      shown == [
        ListedSession(
          id: "c", subject: "bob", claims: Array(#"{"sub":"x"}"#.utf8), beganAt: 1002, lastUsedAt: 1002,
          expiresAt: 44_202)
      ])
    #expect(try await !end("a", "other"))
    #expect(try await !end("x", "company"))
    #expect(try await end("a", "company"))
    #expect(try await !end("a", "company"))
    #expect(try await find(1, now: 1011) == nil)
    #expect(try await endAll("alice") == ["b", "d"])
    #expect(try await endAll("alice") == [])
    #expect(try await endAll(nil) == ["c"])
    #expect(try await list(nil, "company", 1010) == [])
    let ended = try await ask { store.newlyEnded(completion: $0) }
    #expect(ended.map(\.id) == ["a", "b", "d", "c"])
  }

  @Test("The provider ends a session, a user's, or neither where it names neither")
  func endedByProvider() async throws {
    _ = try await begin(record("a", session: "s1"), 1)
    _ = try await begin(record("b", session: "s2"), 2)
    _ = try await begin(record("c", subject: "bob", session: "s1"), 3)
    _ = try await begin(record("d", subject: "bob"), 4)
    let orders = Mutex<UInt8>(0)
    let end: @Sendable (String?, String?) async throws -> [String]? = { subject, session in
      let number = orders.withLock { number in
        number += 1
        return number
      }
      let order = SessionsEnd(
        hash: Self.hash(number), until: 1600, subject: subject, providerSessionID: session, issuedAt: 1001,
        signInSecondsMax: 700)
      return try await ask { store.endAll(order, provider: "company", now: 1001, completion: $0) }
    }
    #expect(try await end(nil, nil) == [])
    #expect(try await end("carol", nil) == [])
    #expect(try await end("alice", "s1") == ["a"])
    #expect(try await end(nil, "s1") == ["c"])
    // Of which session of the provider's it is, nobody knows; whose it is, they do.
    _ = try await begin(record("e"), 5)
    #expect(try await end(nil, "s9") == [])
    #expect(try await end("carol", "s9") == [])
    #expect(try await end("alice", "s9") == ["e"])
    #expect(try await end("alice", nil) == ["b"])
    #expect(try await end("bob", nil) == ["d"])
    #expect(try await end("bob", nil) == [])
    // The same order once more, whatever it names.
    let again = SessionsEnd(
      hash: Self.hash(1), until: 1600, subject: "bob", providerSessionID: nil, issuedAt: 1001, signInSecondsMax: 700)
    #expect(try await ask { store.endAll(again, provider: "company", now: 1001, completion: $0) } == nil)
  }

  struct UnderWay: Sendable, CustomTestStringConvertible {
    /// What the order of second 1000, which the provider gave at 990 by its clock, names.
    let ends: (subject: String?, session: String?)
    /// What the sign-in has come to, alice's always.
    let session: String?
    let beganAt: Int64
    let authenticatedAt: Int64?
    let isRefused: Bool

    var testDescription: String {
      "\(ends) of \(session ?? "no session"), begun \(beganAt), authenticated \(authenticatedAt ?? 0)"
    }
  }

  private static let underWay: [UnderWay] = [
    // The session itself, whenever the user was authenticated.
    UnderWay(ends: (nil, "s1"), session: "s1", beganAt: 998, authenticatedAt: 2000, isRefused: true),
    UnderWay(ends: ("alice", "s1"), session: "s1", beganAt: 1000, authenticatedAt: nil, isRefused: true),
    UnderWay(ends: (nil, "s1"), session: "s1", beganAt: 1001, authenticatedAt: 2, isRefused: false),
    UnderWay(ends: ("bob", "s1"), session: "s1", beganAt: 998, authenticatedAt: 2, isRefused: false),
    UnderWay(ends: (nil, "s2"), session: "s1", beganAt: 998, authenticatedAt: 2, isRefused: false),
    UnderWay(ends: ("alice", "s2"), session: "s1", beganAt: 998, authenticatedAt: 2, isRefused: false),
    // One that may be it, where the user was not authenticated since, or nobody knows.
    UnderWay(ends: ("alice", "s1"), session: nil, beganAt: 998, authenticatedAt: 990, isRefused: true),
    UnderWay(ends: ("alice", "s1"), session: nil, beganAt: 998, authenticatedAt: nil, isRefused: true),
    UnderWay(ends: ("alice", "s1"), session: nil, beganAt: 998, authenticatedAt: 991, isRefused: false),
    UnderWay(ends: (nil, "s1"), session: nil, beganAt: 998, authenticatedAt: nil, isRefused: false),
    // All of the user's.
    UnderWay(ends: ("alice", nil), session: "s1", beganAt: 998, authenticatedAt: 990, isRefused: true),
    UnderWay(ends: ("alice", nil), session: "s1", beganAt: 998, authenticatedAt: nil, isRefused: true),
    UnderWay(ends: ("alice", nil), session: nil, beganAt: 1000, authenticatedAt: 2, isRefused: true),
    UnderWay(ends: ("alice", nil), session: "s1", beganAt: 998, authenticatedAt: 991, isRefused: false),
    UnderWay(ends: ("alice", nil), session: "s1", beganAt: 1001, authenticatedAt: 2, isRefused: false),
    UnderWay(ends: ("bob", nil), session: "s1", beganAt: 998, authenticatedAt: nil, isRefused: false),
    UnderWay(ends: (nil, nil), session: nil, beganAt: 998, authenticatedAt: nil, isRefused: false),
  ]

  @Test("C-9: what the provider ends while its sign-in is under way begins no session", arguments: underWay)
  func endedMeanwhile(row: UnderWay) async throws {
    let other = try SQLiteSessionStore(path: folder.path + "/company.sessions.db")
    let (subject, session) = row.ends
    let order = SessionsEnd(
      hash: Self.hash(1), until: 1100, subject: subject, providerSessionID: session, issuedAt: 990,
      signInSecondsMax: 700)
    #expect(try await ask { other.endAll(order, provider: "company", now: 1000, completion: $0) } == [])
    // The order itself is over before the sign-in need be.
    let came = record("a", session: row.session, beganAt: 1600)
    let origin = SessionOrigin(beganAt: row.beganAt, authenticatedAt: row.authenticatedAt)
    #expect((try await begin(came, 1, origin: origin) == nil) == row.isRefused)
    #expect((try await find(1, now: 1601) == nil) == row.isRefused)
    // At another provider nothing has ended.
    let elsewhere = SessionRecord(
      id: "b", provider: "other", subject: "alice", providerSessionID: row.session, claims: [], sealedTokens: [],
      renewAt: 1700, beganAt: 1600, lastUsedAt: 1600, expiresAt: 9000)
    #expect(try await begin(elsewhere, 2, origin: origin) == [])
  }

  @Test("A sign-in that is refused ends nothing, and what has ended is forgotten in time")
  func endedLongAgo() async throws {
    _ = try await begin(record("a", session: "s9"), 1)
    let order = SessionsEnd(
      hash: Self.hash(1), until: 1100, subject: nil, providerSessionID: "s1", issuedAt: 990, signInSecondsMax: 700)
    #expect(try await ask { store.endAll(order, provider: "company", now: 1000, completion: $0) } == [])
    let origin = SessionOrigin(beganAt: 999, authenticatedAt: nil)
    let (inTime, late) = (record("b", session: "s1", beganAt: 1699), record("b", session: "s1", beganAt: 1800))
    #expect(try await begin(inTime, 2, former: Self.hash(1), origin: origin) == nil)
    #expect(try await find(1, now: 1699)?.id == "a")
    // It is deleted behind a write, and counts until then.
    #expect(try await begin(late, 2, origin: origin) == nil)
    #expect(try await begin(late, 2, origin: origin) == [])
  }

  @Test("C-5: what is good once is spent once, also by another process and after a restart")
  func spent() async throws {
    let other = try SQLiteSessionStore(path: folder.path + "/company.sessions.db")
    #expect(try await ask { store.spend(hash: Self.hash(1), until: 1600, now: 1000, completion: $0) })
    #expect(try await !ask { store.spend(hash: Self.hash(1), until: 1600, now: 1000, completion: $0) })
    #expect(try await !ask { other.spend(hash: Self.hash(1), until: 1600, now: 1001, completion: $0) })
    #expect(try await ask { other.spend(hash: Self.hash(2), until: 1600, now: 1001, completion: $0) })
  }

  @Test("L-3: the file is its owner's alone")
  func modes() throws {
    #expect(try TemporaryFolder.mode(of: folder.path + "/company.sessions.db") & 0o777 == 0o600)
  }
}
