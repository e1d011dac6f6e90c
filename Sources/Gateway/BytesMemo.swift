import Sockets

/// What was made of the byte strings seen last. It holds so many at most, and begins anew when it is full.
struct BytesMemo<Value> {
  private var entries: [UInt64: (key: [UInt8], value: Value)] = [:]
  private let countMax: Int
  private let hash = SeededHash()

  init(countMax: Int) { self.countMax = countMax }

  /// The value of a string: `make`'s, where it is not known.
  mutating func value(of key: [UInt8], _ make: () -> Value) -> Value {
    let place = hash.hash(key.span)
    if let entry = entries[place], entry.key == key { return entry.value }
    let value = make()
    if entries.count >= countMax { entries.removeAll(keepingCapacity: true) }
    entries[place] = (key, value)
    return value
  }
}
