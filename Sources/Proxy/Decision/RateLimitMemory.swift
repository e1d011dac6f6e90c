import Access
import Sockets
import Synchronization

/// Remembers the senders to routes with `rate_limit`.
///
/// Shared by all loops: 64 tables of a fixed size, each behind a lock that is held for one look-up. A sender is
/// identified by a 128-bit hash whose seeds are private to this process, so that nobody can choose whose entry to
/// share. A sender who may send a whole burst again is forgotten; if there is no room, the one closest to that is, as
/// it gains the least.
final class RateLimitMemory: Sendable {
  private let tables: [GuardedRateTable]
  private let hashes = (SeededHash(), SeededHash())

  /// - Parameter sendersMax: How many senders are remembered, at 24 bytes each. Memory is taken as it is used.
  init(sendersMax: Int = Limits.rememberedSendersMax) {
    tables = (0..<RateLimitMemory.tablesCount).map { _ in
      GuardedRateTable(capacity: sendersMax / RateLimitMemory.tablesCount)
    }
  }

  /// Counts a request.
  ///
  /// - Parameters:
  ///   - sender: The definition of the limit, and the sender.
  ///   - now: The time of the request's loop.
  func count(_ sender: Span<UInt8>, _ limit: RateLimit, now: MonotonicTime) -> RateLimit.Verdict {
    let (high, low) = (hashes.0.hash(sender), hashes.1.hash(sender))
    return tables[Int(truncatingIfNeeded: high >> 58)].senders.withLock { senders in
      senders.count(high: high, low: low, limit, now: now.nanoseconds)
    }
  }

  private static let tablesCount = 64
}

/// A table and its lock.
private final class GuardedRateTable: Sendable {
  let senders: Mutex<RateTable>

  init(capacity: Int) { senders = Mutex(RateTable(capacity: capacity)) }
}

/// A table of a fixed number of senders in sets of eight: a sender is in the set that its hash selects, or nowhere.
struct RateTable: Sendable {
  private struct Entry {
    var high: UInt64 = 0
    var low: UInt64 = 0
    /// If in the past, the entry is free.
    var moment = RateLimit.Moment(nanoseconds: .min)
  }

  /// A power of two.
  private let setsCount: Int
  private var entries: [Entry] = []

  /// - Parameter capacity: Rounded up to a power of two, and to one set.
  init(capacity: Int) {
    var sets = 1
    while sets * RateTable.setSize < capacity { sets *= 2 }
    setsCount = sets
  }

  mutating func count(high: UInt64, low: UInt64, _ limit: RateLimit, now: Int64) -> RateLimit.Verdict {
    if entries.isEmpty { entries = [Entry](repeating: Entry(), count: setsCount * RateTable.setSize) }
    let first = Int(truncatingIfNeeded: low) & (setsCount - 1)
    var place = first * RateTable.setSize
    for index in place..<place + RateTable.setSize {
      if entries[index].high == high, entries[index].low == low {
        place = index
        break
      }
      if entries[index].moment.nanoseconds < entries[place].moment.nanoseconds { place = index }
    }
    let isKnown = entries[place].high == high && entries[place].low == low
    let verdict = limit.evaluate(isKnown ? entries[place].moment : nil, now: now)
    if case .allowed(let moment) = verdict { entries[place] = Entry(high: high, low: low, moment: moment) }
    return verdict
  }

  private static let setSize = 8
}
