/// Refresh tokens of a sign-in, as one value of its row: for each when it was added, in seconds since 1970 (8 bytes,
/// big-endian), and SHA-256 of it.
struct TimedHashes {
  private(set) var bytes: [UInt8]

  private static let timeBytes = 8
  private static let entryBytes = timeBytes + 32
  /// More tabs than browsers open at once: each may bring its own. Those that were added first are forgotten first.
  private static let countMax = 128

  init(_ bytes: [UInt8] = []) { self.bytes = bytes.count.isMultiple(of: TimedHashes.entryBytes) ? bytes : [] }

  func contains(_ hash: [UInt8]) -> Bool { entries.contains { TimedHashes.hash(of: $0).elementsEqual(hash) } }

  /// Whether it was added at most `seconds` ago.
  func contains(_ hash: [UInt8], now: Int64, seconds: Int64) -> Bool {
    entries.contains {
      TimedHashes.hash(of: $0).elementsEqual(hash) && TimedHashes.isNear(TimedHashes.time(of: $0), now, seconds)
    }
  }

  mutating func add(_ hash: [UInt8], now: Int64) {
    bytes = Array(bytes.suffix((TimedHashes.countMax - 1) * TimedHashes.entryBytes))
    for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: now >> Int64(shift))) }
    bytes += hash
  }

  /// Adds all of `others` now.
  mutating func add(_ others: TimedHashes, now: Int64) {
    for entry in others.entries { add(Array(TimedHashes.hash(of: entry)), now: now) }
  }

  /// Forgets those that were added longer ago.
  mutating func keep(seconds: Int64, now: Int64) {
    bytes = entries.filter { TimedHashes.isNear(TimedHashes.time(of: $0), now, seconds) }.flatMap { $0 }
  }

  private var entries: [ArraySlice<UInt8>] {
    stride(from: 0, to: bytes.count, by: TimedHashes.entryBytes).map { bytes[$0..<$0 + TimedHashes.entryBytes] }
  }

  private static func hash(of entry: ArraySlice<UInt8>) -> ArraySlice<UInt8> { entry.dropFirst(timeBytes) }

  private static func time(of entry: ArraySlice<UInt8>) -> Int64 {
    entry.prefix(timeBytes).reduce(0) { $0 << 8 | Int64($1) }
  }

  /// A clock that was set back must not stretch a time by as much. A little it may be behind without: whoever waits for
  /// the database has read it before that.
  private static func isNear(_ time: Int64, _ now: Int64, _ seconds: Int64) -> Bool {
    max(now, time).subtractingSaturated(min(now, time)) <= seconds
  }
}
