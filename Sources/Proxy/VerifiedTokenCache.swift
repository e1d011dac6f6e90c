import Sockets
import Tokens

/// The tokens that one loop has verified, by their full bytes.
///
/// An entry dies when its token does (`now >= exp + leeway`), when its provider's keys change, and on reload. Only
/// tokens that passed stand here, so a flood of bad ones moves nothing. When it is full, entries leave in the order in
/// which they came, unless they were used since the hand last passed them (CLOCK).
struct VerifiedTokenCache {
  /// What a hit gives.
  struct Hit {
    let token: VerifiedToken
    let index: Int
  }

  private struct Entry {
    var bytes: [UInt8]
    var hash: UInt64
    var provider: Int
    var keyGeneration: UInt64
    var token: VerifiedToken
    var next: Int32
    var wasUsed: Bool
    /// Rendered identity headers, by mapping.
    var rendered: [(mapping: Int, fields: [UInt8])]
  }

  private static let renderedMax = 4

  private let hash = SeededHash()
  private let countMax: Int
  private let bytesMax: Int
  private var buckets: [Int32]
  private var entries: [Entry] = []
  private var free: [Int32] = []
  private var isLive: [Bool] = []
  private var hand = 0
  private(set) var bytesHeld = 0
  private(set) var count = 0

  init(countMax: Int, bytesMax: Int) {
    self.countMax = countMax
    self.bytesMax = bytesMax
    buckets = [Int32](repeating: -1, count: 256)
  }

  /// The identity that `token` was verified to be, while it still is.
  mutating func find(
    _ token: Span<UInt8>, provider: Int, keyGeneration: UInt64, now: UnixSeconds
  ) -> Hit? {
    guard count > 0 else { return nil }
    let hashed = hash.hash(token)
    var index = buckets[bucket(hashed)]
    while index >= 0 {
      let place = Int(index)
      if entries[place].hash == hashed, entries[place].provider == provider,
        VerifiedTokenCache.isSame(entries[place].bytes, token)
      {
        guard entries[place].keyGeneration == keyGeneration, now < entries[place].token.deadline else {
          remove(place)
          return nil
        }
        entries[place].wasUsed = true
        return Hit(token: entries[place].token, index: place)
      }
      index = entries[place].next
    }
    return nil
  }

  /// Remembers a token that has just been verified; gives its place.
  mutating func insert(
    _ token: Span<UInt8>, provider: Int, keyGeneration: UInt64, verified: VerifiedToken
  ) -> Int? {
    guard token.count <= bytesMax else { return nil }
    while count >= countMax || bytesHeld + token.count > bytesMax { evict() }
    let hashed = hash.hash(token)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(token.count)
    for index in token.indices { bytes.append(token[index]) }
    if count >= buckets.count { grow() }
    let slot = bucket(hashed)
    let entry = Entry(
      bytes: bytes, hash: hashed, provider: provider, keyGeneration: keyGeneration, token: verified,
      next: buckets[slot], wasUsed: false, rendered: [])
    let place: Int
    if let reused = free.popLast() {
      place = Int(reused)
      entries[place] = entry
      isLive[place] = true
    } else {
      place = entries.count
      entries.append(entry)
      isLive.append(true)
    }
    buckets[slot] = Int32(place)
    bytesHeld += token.count
    count += 1
    return place
  }

  /// The identity headers rendered for the entry at `index`.
  func rendered(at index: Int, mapping: Int) -> [UInt8]? {
    for place in entries[index].rendered.indices where entries[index].rendered[place].mapping == mapping {
      return entries[index].rendered[place].fields
    }
    return nil
  }

  mutating func keep(_ fields: [UInt8], at index: Int, mapping: Int) {
    guard entries[index].rendered.count < VerifiedTokenCache.renderedMax else { return }
    entries[index].rendered.append((mapping, fields))
    bytesHeld += fields.count
  }

  mutating func removeAll() {
    self = VerifiedTokenCache(countMax: countMax, bytesMax: bytesMax)
  }

  private static func isSame(_ held: [UInt8], _ token: Span<UInt8>) -> Bool { Bytes.areEqual(held.span, token) }

  private func bucket(_ hashed: UInt64) -> Int { Int(truncatingIfNeeded: hashed & UInt64(buckets.count - 1)) }

  private mutating func grow() {
    buckets = [Int32](repeating: -1, count: buckets.count * 2)
    for place in entries.indices where isLive[place] {
      let slot = bucket(entries[place].hash)
      entries[place].next = buckets[slot]
      buckets[slot] = Int32(place)
    }
  }

  private mutating func evict() {
    // Ends: every second pass over an entry finds it unused.
    while count > 0 {
      if hand >= entries.count { hand = 0 }
      let place = hand
      hand += 1
      guard isLive[place] else { continue }
      if entries[place].wasUsed {
        entries[place].wasUsed = false
        continue
      }
      remove(place)
      return
    }
  }

  private mutating func remove(_ place: Int) {
    let slot = bucket(entries[place].hash)
    if buckets[slot] == Int32(place) {
      buckets[slot] = entries[place].next
    } else {
      var before = buckets[slot]
      while before >= 0 {
        if entries[Int(before)].next == Int32(place) {
          entries[Int(before)].next = entries[place].next
          break
        }
        before = entries[Int(before)].next
      }
    }
    bytesHeld -= entries[place].bytes.count
    for index in entries[place].rendered.indices { bytesHeld -= entries[place].rendered[index].fields.count }
    entries[place].bytes = []
    entries[place].rendered = []
    isLive[place] = false
    free.append(Int32(place))
    count -= 1
  }
}
