import Synchronization
import Testing
import Tokens

@testable import Proxy

@Suite("Replayed proofs")
struct ReplayMemoryTests {
  private static let now = Issuer.now

  @Test("A proof comes first once, until its time is over")
  func once() {
    var table = ProofTable(capacity: 16)
    #expect(table.insert(high: 1, low: 2, until: Self.now + 10, now: Self.now) == .first)
    #expect(table.insert(high: 1, low: 2, until: Self.now + 10, now: Self.now) == .replayed)
    #expect(table.insert(high: 1, low: 2, until: Self.now + 99, now: Self.now + 9) == .replayed)
    #expect(table.insert(high: 1, low: 2, until: Self.now + 20, now: Self.now + 10) == .first)
    #expect(table.insert(high: 1, low: 2, until: Self.now + 20, now: Self.now + 10) == .replayed)
  }

  @Test("Half a hash is no proof: those of one bucket are told apart")
  func buckets() {
    var table = ProofTable(capacity: 8)
    for high in 0..<4 as Range<UInt64> {
      #expect(table.insert(high: high, low: 8, until: Self.now + 10, now: Self.now) == .first)
    }
    #expect(table.insert(high: 0, low: 16, until: Self.now + 10, now: Self.now) == .first)
    for high in 0..<4 as Range<UInt64> {
      #expect(table.insert(high: high, low: 8, until: Self.now + 10, now: Self.now) == .replayed)
    }
  }

  @Test("A full table refuses, knows what it knows, and takes more when the first are over")
  func full() {
    var table = ProofTable(capacity: 8)
    for low in 0..<8 as Range<UInt64> {
      #expect(table.insert(high: 0, low: low, until: Self.now + 10 + Int64(low), now: Self.now) == .first)
    }
    #expect(table.insert(high: 1, low: 0, until: Self.now + 10, now: Self.now) == .full)
    #expect(table.insert(high: 0, low: 0, until: Self.now + 10, now: Self.now) == .replayed)
    #expect(table.insert(high: 1, low: 5, until: Self.now + 20, now: Self.now + 9) == .full)
    // One is over, in another bucket.
    #expect(table.insert(high: 1, low: 5, until: Self.now + 20, now: Self.now + 10) == .first)
    #expect(table.insert(high: 2, low: 5, until: Self.now + 20, now: Self.now + 10) == .full)
    for low in 1..<8 as Range<UInt64> {
      #expect(table.insert(high: 0, low: low, until: Self.now + 99, now: Self.now + 10) == .replayed)
    }
    #expect(table.insert(high: 1, low: 5, until: Self.now + 99, now: Self.now + 10) == .replayed)
    // All are over.
    for low in 0..<8 as Range<UInt64> {
      #expect(table.insert(high: 3, low: low, until: Self.now + 99, now: Self.now + 50) == .first)
    }
    #expect(table.insert(high: 3, low: 8, until: Self.now + 99, now: Self.now + 50) == .full)
  }

  @Test("It says what a set says, whatever comes and goes")
  func asASet() {
    var table = ProofTable(capacity: 64)
    var generator = SystemRandomNumberGenerator()
    var known: [UInt64: Int64] = [:]
    for step in 0..<20_000 as Range<Int64> {
      let now = Self.now + step / 20
      known = known.filter { $0.value > now }
      let low = UInt64.random(in: 0..<200, using: &generator)
      let until = now + Int64.random(in: 1..<6, using: &generator)
      let expected: ReplayMemory.Verdict = known[low] != nil ? .replayed : known.count < 64 ? .first : .full
      let verdict = table.insert(high: low &* 0x9E37, low: low, until: until, now: now)
      guard verdict == expected else {
        Issue.record("step \(step): \(verdict) instead of \(expected)")
        return
      }
      if verdict == .first { known[low] = until }
    }
  }

  @Test("Of many threads with one proof, one is first")
  func threads() async throws {
    let memory = ReplayMemory(proofsMax: 64 * 256) { _ in }
    let holder = try ProofHolder()
    let proofs = try (0..<50).map { try holder.verified(identifier: "proof \($0)") }
    let thumbprint = holder.thumbprint
    let firsts = try await withThrowingTaskGroup(of: [Int].self) { group in
      for _ in 0..<8 {
        group.addTask {
          try proofs.indices.filter { try memory.record(proofs[$0], key: thumbprint, now: Issuer.now) == .first }
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    #expect(firsts.sorted() == Array(0..<50))
  }

  @Test("Two keys may use one identifier")
  func keys() throws {
    let memory = ReplayMemory(proofsMax: 64 * 16) { _ in }
    let holder = try ProofHolder()
    let proof = try holder.verified(identifier: "one")
    #expect(try memory.record(proof, key: holder.thumbprint, now: Self.now) == .first)
    #expect(try memory.record(proof, key: holder.thumbprint.reversed(), now: Self.now) == .first)
    #expect(try memory.record(proof, key: holder.thumbprint, now: Self.now) == .replayed)
  }

  @Test("A proof is remembered while it is good with the largest leeway, and some seconds more")
  func remembered() throws {
    let holder = try ProofHolder()
    for (expiresAt, leeway) in [(3600, 0), (3600, 30), (3600, 60), (1, 0)] as [(Int64, Int64)] {
      let memory = ReplayMemory(proofsMax: 64 * 16) { _ in }
      let proof = try holder.verified(identifier: "one", expiresAt: Self.now + expiresAt, leewaySeconds: leeway)
      #expect(try memory.record(proof, key: holder.thumbprint, now: Self.now) == .first)
      #expect(try memory.record(proof, key: holder.thumbprint, now: Self.now + 124) == .replayed)
      #expect(try memory.record(proof, key: holder.thumbprint, now: Self.now + 125) == .first)
    }
  }

  @Test("A key fills its eighth, and shuts out those alone who share it")
  func shares() throws {
    let memory = ReplayMemory(proofsMax: 64 * 4) { _ in }
    let holder = try ProofHolder()
    let proofs = try (0..<400).map { try holder.verified(identifier: "proof \($0)") }
    let verdicts = try proofs.map { try memory.record($0, key: holder.thumbprint, now: Self.now) }
    #expect(verdicts.count { $0 == .first } == 8 * 4)
    #expect(verdicts.last == .full)
    // Seven of eight keys have another share.
    let others = try (0..<64 as Range<UInt8>).map { other in
      try memory.record(proofs[0], key: [UInt8](repeating: other, count: 32), now: Self.now)
    }
    #expect(others.count { $0 == .first } >= 32)
    #expect(try memory.record(proofs[0], key: holder.thumbprint, now: Self.now) == .replayed)
  }

  @Test("A full memory is said, once a minute, with how many proofs it refused")
  func reports() throws {
    let said = Mutex<[Int]>([])
    let memory = ReplayMemory(proofsMax: 64) { event in
      if case .proofMemoryFull(let refused) = event { said.withLock { $0.append(refused) } }
    }
    let holder = try ProofHolder()
    let proofs = try (0..<400).map { try holder.verified(identifier: "proof \($0)") }
    func refused(_ proofs: ArraySlice<DPoPProof>, after seconds: Int64) throws -> Int {
      try proofs.filter { try memory.record($0, key: holder.thumbprint, now: Self.now + seconds) == .full }.count
    }
    let first = try refused(proofs[..<300], after: 0)
    #expect(first >= 300 - 8)
    #expect(said.withLock { $0 } == [1])
    let second = try refused(proofs[300..<399], after: 59)
    let third = try refused(proofs[399...], after: 60)
    // What the next message tells is all that came since.
    #expect(said.withLock { $0.count } == (third == 1 ? 2 : 1))
    if third == 1 { #expect(said.withLock { $0.last } == first - 1 + second + 1) }
  }
}
