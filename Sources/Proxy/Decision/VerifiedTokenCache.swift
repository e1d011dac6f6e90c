import Access
import HTTP
import Sockets
import Telemetry
import Tokens

/// The tokens that one loop has verified, by their full bytes.
///
/// An entry expires with its token (`now >= deadline`, or `now < validFrom` after the clock was set back), when its
/// provider's keys change, if it depends on them, and on reload. Only accepted tokens are cached, so a flood of bad ones evicts nothing. When the cache is full, entries are
/// evicted in order of arrival, unless they were used since the hand last passed them (CLOCK).
struct VerifiedTokenCache {
  /// The result of a hit.
  struct Hit {
    let identity: Identity
    let index: Int
    /// The generation under which the token was last looked up among revocations.
    let revocationGeneration: UInt64
  }

  private struct Entry {
    var bytes: [UInt8]
    /// Identity headers rendered by the mapping `renderedMapping`; those of other mappings are in `moreRendered`.
    var rendered: [UInt8] = []
    var hash: UInt64
    var keyGeneration: UInt64
    var revocationGeneration: UInt64
    var identity: Identity
    var deadline: UnixSeconds
    var validFrom: UnixSeconds
    var provider: Int32
    var renderedMapping: Int32 = -1
    var next: Int32
    var census = TokenCensus.Handle.none
    var wasUsed = false
    var isLive = true
  }

  /// The generation of an entry that depends on no keys; key sets never have it.
  static let anyKeys = UInt64.max
  private static let renderedMax = 4
  /// The overhead of an entry in bytes: itself, its identity, what the allocator adds.
  static let entryOverheadBytes = 384
  /// The step by which the heap grows, in bytes. Less than what malloc would map separately.
  private static let roomBytes = 64 << 10

  private let hash = SeededHash()
  private let countMax: Int
  private let bytesMax: Int
  private var buckets: [Int32]
  private var entries: [Entry] = []
  private var moreRendered: [Int: [(mapping: Int, fields: [UInt8])]] = [:]
  private var assertions = RememberedAssertions()
  private var free: [Int32] = []
  private var hand = 0
  /// The approximate memory of all entries, in bytes.
  private(set) var bytesHeld = 0
  private(set) var count = 0
  /// The part of `bytesHeld` for which the heap has grown.
  private var roomMade = 0

  init(countMax: Int, bytesMax: Int) {
    self.countMax = countMax
    self.bytesMax = bytesMax
    buckets = [Int32](repeating: -1, count: 256)
  }

  /// The identity that `token` was verified to be; nil if it is not cached, or is no longer valid.
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
        let isOfKeys =
          entries[place].keyGeneration == keyGeneration || entries[place].keyGeneration == VerifiedTokenCache.anyKeys
        guard isOfKeys, now < entries[place].deadline, now >= entries[place].validFrom else {
          remove(place)
          return nil
        }
        entries[place].wasUsed = true
        return Hit(
          identity: entries[place].identity, index: place,
          revocationGeneration: entries[place].revocationGeneration)
      }
      index = entries[place].next
    }
    return nil
  }

  /// Caches a token that has just been verified; returns its index.
  ///
  /// - Parameters:
  ///   - revocationGeneration: The generation under which it is not revoked.
  ///   - deadline: It is not found from this second on.
  mutating func insert(
    _ token: Span<UInt8>, provider: Int, keyGeneration: UInt64, revocationGeneration: UInt64, identity: Identity,
    deadline: UnixSeconds
  ) -> Int? {
    let cost = VerifiedTokenCache.cost(token.count, identity)
    guard cost <= bytesMax else { return nil }
    while count >= countMax || bytesHeld + cost > bytesMax { evict() }
    let hashed = hash.hash(token)
    let bytes = [UInt8](token)
    if count >= buckets.count { grow() }
    let slot = bucket(hashed)
    let entry = Entry(
      bytes: bytes, hash: hashed, keyGeneration: keyGeneration, revocationGeneration: revocationGeneration,
      identity: identity, deadline: deadline, validFrom: identity.validFrom,
      provider: Int32(truncatingIfNeeded: provider), next: buckets[slot])
    let place: Int
    if let reused = free.popLast() {
      place = Int(reused)
      entries[place] = entry
    } else {
      place = entries.count
      if place == entries.capacity { entries.reserveCapacity(min(countMax, max(256, place * 2))) }
      entries.append(entry)
    }
    buckets[slot] = Int32(place)
    bytesHeld += cost
    count += 1
    if bytesHeld > roomMade {
      Heap.makeRoom(VerifiedTokenCache.roomBytes)
      roomMade = bytesHeld + VerifiedTokenCache.roomBytes
    }
    return place
  }

  /// The identity headers rendered for the entry at `index`; nil if they are not cached.
  func rendered(at index: Int, mapping: Int) -> [UInt8]? {
    if entries[index].renderedMapping == mapping { return entries[index].rendered }
    if moreRendered.isEmpty { return nil }
    return moreRendered[index]?.first { $0.mapping == mapping }?.fields
  }

  /// Caches them if there is room: nothing is evicted for what can be rendered again.
  mutating func keep(_ fields: [UInt8], at index: Int, mapping: Int) {
    guard bytesHeld + fields.count <= bytesMax else { return }
    if entries[index].renderedMapping < 0 {
      entries[index].renderedMapping = Int32(truncatingIfNeeded: mapping)
      // The buffer that it was rendered into is larger than the result.
      entries[index].rendered = [UInt8](capacity: fields.count) { output in
        for byte in fields { output.append(byte) }
      }
    } else {
      guard moreRendered[index, default: []].count < VerifiedTokenCache.renderedMax - 1 else { return }
      moreRendered[index, default: []].append((mapping, fields))
    }
    bytesHeld += fields.count
  }

  /// The field line with the assertion signed for a route about the token at `index`; nil if there is none to reuse.
  func assertion(at index: Int, route: Int, keyGeneration: UInt64, now: UnixSeconds) -> [UInt8]? {
    assertions.field(at: index, route: route, keyGeneration: keyGeneration, now: now)
  }

  /// Caches it if there is room.
  ///
  /// - Parameters:
  ///   - keyGeneration: The generation of the key set whose first key signed it.
  ///   - seconds: The seconds during which it is reused.
  mutating func keep(
    assertion: [UInt8], at index: Int, route: Int, keyGeneration: UInt64, during seconds: Range<UnixSeconds>
  ) {
    guard bytesHeld + assertion.count <= bytesMax else { return }
    bytesHeld += assertions.keep(assertion, at: index, route: route, keyGeneration: keyGeneration, during: seconds)
  }

  /// The token at `index` is not revoked under `generation`.
  mutating func keepUnrevoked(at index: Int, under generation: UInt64) {
    entries[index].revocationGeneration = generation
  }

  /// The census handle under which the token at `index` is counted.
  func censusHandle(at index: Int) -> TokenCensus.Handle { entries[index].census }

  mutating func keep(_ handle: TokenCensus.Handle, at index: Int) { entries[index].census = handle }

  /// Removes the token at `index`, which `find` returned.
  mutating func forget(at index: Int) { remove(index) }

  mutating func removeAll() {
    self = VerifiedTokenCache(countMax: countMax, bytesMax: bytesMax)
  }

  private static func cost(_ tokenBytes: Int, _ identity: Identity) -> Int {
    tokenBytes + entryOverheadBytes + identity.bytesHeld
  }

  private static func isSame(_ held: [UInt8], _ token: Span<UInt8>) -> Bool { Bytes.areEqual(held.span, token) }

  private func bucket(_ hashed: UInt64) -> Int { Int(truncatingIfNeeded: hashed & UInt64(buckets.count - 1)) }

  private mutating func grow() {
    buckets = [Int32](repeating: -1, count: buckets.count * 2)
    for place in entries.indices where entries[place].isLive {
      let slot = bucket(entries[place].hash)
      entries[place].next = buckets[slot]
      buckets[slot] = Int32(place)
    }
  }

  private mutating func evict() {
    // This terminates: every second pass over an entry finds it unused.
    while count > 0 {
      if hand >= entries.count { hand = 0 }
      let place = hand
      hand += 1
      guard entries[place].isLive else { continue }
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
    bytesHeld -= VerifiedTokenCache.cost(entries[place].bytes.count, entries[place].identity)
    bytesHeld -= entries[place].rendered.count
    for more in moreRendered.removeValue(forKey: place) ?? [] { bytesHeld -= more.fields.count }
    bytesHeld -= assertions.forget(at: place)
    entries[place].bytes = []
    entries[place].rendered = []
    entries[place].renderedMapping = -1
    // Claims are held no longer than they are valid.
    entries[place].identity = .anonymous
    entries[place].isLive = false
    free.append(Int32(place))
    count -= 1
  }
}
