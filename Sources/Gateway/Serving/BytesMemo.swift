import HTTP
import Sockets

/// What was made of byte strings that came before. Each has one place, which another one may take.
struct BytesMemo<Value> {
  /// A class, so that what is kept is not copied to be looked at.
  final class Entry {
    let value: Value
    fileprivate let hash: UInt64
    fileprivate let key: [UInt8]

    fileprivate init(_ value: Value, hash: UInt64, key: [UInt8]) {
      self.value = value
      self.hash = hash
      self.key = key
    }
  }

  private var entries: [Entry?]
  private let hash = SeededHash()

  private let keyBytesMax = 512

  /// - Parameter places: A power of two.
  init(places: Int) { entries = Array(repeating: nil, count: places) }

  /// What was made of `key`: by `make`, where it is not known.
  mutating func entry(of key: Span<UInt8>, _ make: () -> Value) -> Entry {
    let hash = hash.hash(key)
    // Bounded: what is long is made anew.
    guard key.count <= keyBytesMax else { return Entry(make(), hash: hash, key: []) }
    let place = Int(truncatingIfNeeded: hash) & (entries.count - 1)
    if let entry = entries[place], entry.hash == hash {
      let known = entry.key
      if Bytes.areEqual(known.span, key) { return entry }
    }
    let entry = Entry(make(), hash: hash, key: [UInt8](key))
    entries[place] = entry
    return entry
  }
}
