import Crypto
import Synchronization
import Tokens

/// The accepted proofs, for as long as they could be accepted again: none passes twice (RFC 9449 §11.1).
///
/// Shared by all loops: 64 tables of a fixed size, each behind a lock that is held for one look-up. A proof is
/// identified by a hash of its key and its `jti` whose secret is private to this process, so that nobody can choose
/// where one is stored. The proofs of one key are spread over 8 of the tables: the holder of a key can fill an eighth,
/// and shuts out only those who share it.
final class ReplayMemory: Sendable {
  enum Verdict: Sendable, Equatable {
    case first
    case replayed
    /// The memory is full of proofs that could be sent again.
    case full
  }

  private let tables: [GuardedTable]
  private let secret: [UInt8]
  private let report: @Sendable (ProxyEvent) -> Void
  private let refused = Atomic<Int>(0)
  private let reportedAt = Atomic<UnixSeconds>(0)

  /// - Parameters:
  ///   - proofsMax: How many are remembered; rounded up to a power of two in each table. At 28 bytes a proof, the
  ///     1,048,576 of the default are 28 MiB. A proof is remembered for 125 s from its `iat` on, so they are 8,300 proofs
  ///     a second, and 1,000 of one key.
  ///   - report: Called from any loop, at most once a minute.
  init(proofsMax: Int = Limits.rememberedProofsMax, report: @escaping @Sendable (ProxyEvent) -> Void) {
    let tableSize = max(1, proofsMax / ReplayMemory.tablesCount)
    tables = (0..<ReplayMemory.tablesCount).map { _ in GuardedTable(capacity: tableSize) }
    var generator = SystemRandomNumberGenerator()
    secret = (0..<32).map { _ in generator.next() }
    self.report = report
  }

  /// Allocates the memory. None is allocated if no provider uses DPoP, and none is given back.
  func reserve() {
    for table in tables { table.proofs.withLock { $0.reserve() } }
  }

  /// Remembers a proof that has passed every other check.
  ///
  /// - Parameters:
  ///   - thumbprint: That of the proof's key.
  ///   - now: The time of the proof's loop: loops take their time at the beginning of a batch, and differ by that.
  /// - Throws: If no hash can be made.
  func record(_ proof: DPoPProof, key thumbprint: [UInt8], now: UnixSeconds) throws(CryptoError) -> Verdict {
    let (message, secret) = (thumbprint + Array(proof.identifier.utf8), secret)
    let group = try MessageAuthentication.code(for: thumbprint.span, secret: secret.span, .sha256)[0]
    let code = try MessageAuthentication.code(for: message.span, secret: secret.span, .sha256)
    let high = code[0..<8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let low = code[8..<16].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let tablesOfKey = ReplayMemory.tablesOfKeyCount
    let first = Int(group) % (tables.count / tablesOfKey) * tablesOfKey
    let table = tables[first + Int(high >> 32) % tablesOfKey]
    let until = proof.replayableUntil + ReplayMemory.loopsDifferBySeconds
    let verdict = table.proofs.withLock { proofs in proofs.insert(high: high, low: low, until: until, now: now) }
    if verdict == .full { reportRefusal(now) }
    return verdict
  }

  private func reportRefusal(_ now: UnixSeconds) {
    refused.add(1, ordering: .relaxed)
    let last = reportedAt.load(ordering: .relaxed)
    guard now < last || now - last >= ReplayMemory.reportEverySeconds,
      reportedAt.compareExchange(expected: last, desired: now, ordering: .relaxed).exchanged
    else { return }
    report(.proofMemoryFull(refused: refused.exchange(0, ordering: .relaxed)))
  }

  private static let tablesCount = 64
  private static let tablesOfKeyCount = 8
  /// A loop that handles a long batch lags behind the others.
  private static let loopsDifferBySeconds: Int64 = 5
  private static let reportEverySeconds: Int64 = 60
}

/// A table and its lock.
private final class GuardedTable: Sendable {
  let proofs: Mutex<ProofTable>

  init(capacity: Int) { proofs = Mutex(ProofTable(capacity: capacity)) }
}

/// A hash table of a fixed number of proofs, each of which is removed when its time is over.
struct ProofTable: Sendable {
  private struct Entry {
    let high: UInt64
    let low: UInt64
    /// Unix seconds, until 2106.
    let until: UInt32
    /// The next entry of the same bucket, or of the free ones.
    var next: Int32
  }

  private let capacity: Int
  private var buckets: [Int32] = []
  private var entries: [Entry] = []
  private var firstFree: Int32 = -1
  /// No entry expires before this second.
  private var firstDeadline = UInt32.max

  init(capacity: Int) {
    var size = 1
    while size < capacity { size *= 2 }
    self.capacity = size
  }

  mutating func reserve() {
    guard buckets.isEmpty else { return }
    buckets = [Int32](repeating: -1, count: capacity)
    entries.reserveCapacity(capacity)
  }

  /// - Parameter until: The first second at which the proof need not be remembered.
  mutating func insert(high: UInt64, low: UInt64, until: UnixSeconds, now: UnixSeconds) -> ReplayMemory.Verdict {
    reserve()
    let now = UInt32(clamping: now)
    let bucket = Int(truncatingIfNeeded: low) & (capacity - 1)
    if clean(bucket, now: now, lookingFor: (high, low)) { return .replayed }
    if firstFree < 0, entries.count == capacity { cleanAll(now) }
    let entry = Entry(high: high, low: low, until: UInt32(clamping: until), next: buckets[bucket])
    if firstFree >= 0 {
      let place = Int(firstFree)
      firstFree = entries[place].next
      entries[place] = entry
      buckets[bucket] = Int32(place)
    } else if entries.count < capacity {
      buckets[bucket] = Int32(entries.count)
      entries.append(entry)
    } else {
      return .full
    }
    firstDeadline = min(firstDeadline, entry.until)
    return .first
  }

  /// Frees the entries of the bucket that need not be remembered any more.
  ///
  /// - Returns: Whether the proof is among the others.
  private mutating func clean(_ bucket: Int, now: UInt32, lookingFor proof: (high: UInt64, low: UInt64)?) -> Bool {
    var before: Int32 = -1
    var index = buckets[bucket]
    while index >= 0 {
      let place = Int(index)
      let entry = entries[place]
      if entry.until <= now {
        if before < 0 { buckets[bucket] = entry.next } else { entries[Int(before)].next = entry.next }
        entries[place].next = firstFree
        firstFree = index
      } else {
        if let proof, entry.high == proof.high, entry.low == proof.low { return true }
        before = index
      }
      index = entry.next
    }
    return false
  }

  private mutating func cleanAll(_ now: UInt32) {
    guard firstDeadline <= now else { return }
    firstDeadline = .max
    for bucket in buckets.indices {
      _ = clean(bucket, now: now, lookingFor: nil)
      var index = buckets[bucket]
      while index >= 0 {
        firstDeadline = min(firstDeadline, entries[Int(index)].until)
        index = entries[Int(index)].next
      }
    }
  }
}
