/// A fixed table from (node, bytes) to a number, looked up without an allocation. Its keys come from the configuration;
/// what is looked up may come from anyone, and costs at most one run of occupied slots.
struct ByteTable: Sendable {
  private struct Slot: Sendable {
    var node: Int32 = 0
    var hash: UInt32 = 0
    /// Where the key stands in `keys`.
    var start: Int32 = 0
    var count: Int32 = 0
    /// -1: the slot is free.
    var value: Int32 = -1
  }

  /// A power of two, at most half full.
  private var slots = [Slot](repeating: Slot(), count: 16)
  private var keys: [UInt8] = []
  private var count = 0
  /// A longer one is no key, and is not hashed: what a lookup costs depends on the keys, not on who asks.
  private var keyBytesMax = 0

  mutating func insert(_ node: Int, _ key: [UInt8], _ value: Int) {
    if count * 2 >= slots.count { grow() }
    let slot = Slot(
      node: Int32(node), hash: ByteTable.hash(node, key.span, 0, key.count), start: Int32(keys.count),
      count: Int32(key.count), value: Int32(value))
    keys += key
    keyBytesMax = max(keyBytesMax, key.count)
    place(slot)
    count += 1
  }

  /// The value of `bytes[start..<end]` at `node`, compared as they are.
  func find(_ node: Int, _ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> Int? {
    if count == 0 || end - start > keyBytesMax { return nil }
    let hash = ByteTable.hash(node, bytes, start, end)
    var index = Int(hash) & (slots.count - 1)
    while slots[index].value >= 0 {
      let slot = slots[index]
      if slot.hash == hash, slot.node == Int32(node), isKey(slot, bytes, start, end) { return Int(slot.value) }
      index = (index + 1) & (slots.count - 1)
    }
    return nil
  }

  private func isKey(_ slot: Slot, _ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> Bool {
    guard Int(slot.count) == end - start else { return false }
    for offset in 0..<Int(slot.count) where keys[Int(slot.start) + offset] != bytes[start + offset] { return false }
    return true
  }

  private mutating func place(_ slot: Slot) {
    var index = Int(slot.hash) & (slots.count - 1)
    while slots[index].value >= 0 { index = (index + 1) & (slots.count - 1) }
    slots[index] = slot
  }

  private mutating func grow() {
    let old = slots
    slots = [Slot](repeating: Slot(), count: old.count * 2)
    for slot in old where slot.value >= 0 { place(slot) }
  }

  private static func hash(_ node: Int, _ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> UInt32 {
    var hash = 0x811C_9DC5 ^ UInt32(truncatingIfNeeded: node) &* 0x9E37_79B1
    for index in start..<end { hash = (hash ^ UInt32(bytes[index])) &* 0x0100_0193 }
    return hash ^ hash >> 15
  }
}
