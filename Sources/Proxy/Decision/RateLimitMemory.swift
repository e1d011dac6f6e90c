import Access
import Sockets
import Synchronization

/// What is remembered of those who send to routes with `rate_limit`.
///
/// Shared by all loops: 64 tables of a fixed size, each behind a lock that is held for one look-up. A sender is known by
/// a hash of 128 bits whose seeds are this process's own, so that nobody can choose whose place they share. One who may
/// send a whole burst again is forgotten; where there is no room, the one is who is nearest to it, and gains the least.
final class RateLimitMemory: Sendable {
  private let tables: [GuardedRateTable]
  private let hashes = (SeededHash(), SeededHash())

  /// - Parameter sendersMax: How many are remembered, at 24 bytes each. Memory is taken as it is used.
  init(sendersMax: Int = Limits.rememberedSendersMax) {
    tables = (0..<RateLimitMemory.tablesCount).map { _ in
      GuardedRateTable(capacity: sendersMax / RateLimitMemory.tablesCount)
    }
  }

  /// Counts a request.
  ///
  /// - Parameters:
  ///   - sender: Of which limit, and who.
  ///   - now: Of the request's loop.
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

/// A table of a fixed number of senders in sets of eight: a sender stands in the set that its hash names, or nowhere.
struct RateTable: Sendable {
  private struct Entry {
    var high: UInt64 = 0
    var low: UInt64 = 0
    /// In the past: the entry is free.
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
