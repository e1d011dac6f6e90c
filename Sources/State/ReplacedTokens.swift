/// The refresh tokens of a sign-in that were replaced not long ago, as one value of its row: for each when, in seconds
/// since 1970 (8 bytes, big-endian), and SHA-256 of it.
struct ReplacedTokens {
  private(set) var bytes: [UInt8]

  private static let timeBytes = 8
  private static let entryBytes = timeBytes + 32
  /// Older ones are forgotten first. Who replaces more within the grace is no browser.
  private static let countMax = 8

  init(_ bytes: [UInt8]) {
    self.bytes = bytes.count.isMultiple(of: ReplacedTokens.entryBytes) ? bytes : []
  }

  /// Whether it was replaced within `graceSeconds`.
  func contains(_ hash: [UInt8], now: Int64, graceSeconds: Int64) -> Bool {
    for start in stride(from: 0, to: bytes.count, by: ReplacedTokens.entryBytes) {
      let entry = bytes[start..<start + ReplacedTokens.entryBytes]
      if entry.dropFirst(ReplacedTokens.timeBytes).elementsEqual(hash) {
        return ReplacedTokens.isNear(ReplacedTokens.time(of: entry), now, graceSeconds)
      }
    }
    return false
  }

  /// Takes one on, and forgets those whose grace is over.
  mutating func add(_ hash: [UInt8], now: Int64, graceSeconds: Int64) {
    var kept: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: ReplacedTokens.entryBytes).suffix(ReplacedTokens.countMax - 1) {
      let entry = bytes[start..<start + ReplacedTokens.entryBytes]
      if ReplacedTokens.isNear(ReplacedTokens.time(of: entry), now, graceSeconds) { kept += entry }
    }
    for shift in stride(from: 56, through: 0, by: -8) { kept.append(UInt8(truncatingIfNeeded: now >> Int64(shift))) }
    bytes = kept + hash
  }

  private static func time(of entry: ArraySlice<UInt8>) -> Int64 {
    entry.prefix(timeBytes).reduce(0) { $0 << 8 | Int64($1) }
  }

  /// A clock that was set back must not stretch the grace by as much. A little it may be behind without: whoever waits
  /// for the database has read it before that.
  private static func isNear(_ time: Int64, _ now: Int64, _ seconds: Int64) -> Bool {
    max(now, time).subtractingSaturated(min(now, time)) <= seconds
  }
}
