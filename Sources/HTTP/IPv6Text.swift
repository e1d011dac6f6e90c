/// The text of an IPv6 address (RFC 3986 §3.2.2): without brackets and zone.
enum IPv6Text {
  static func parse(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> IPAddress? {
    var groups = Groups()
    var index = start
    while index < end {
      if bytes[index] == 0x3A {
        // `::`, once: at the start, or where the group before left it.
        guard index + 1 < end, bytes[index + 1] == 0x3A, groups.shorten() else { return nil }
        index += 2
        continue
      }
      let first = index
      var value: UInt16 = 0
      while index < end, let digit = ByteClass.hexadecimal(bytes[index]), index - first < 4 {
        value = value << 4 | UInt16(digit)
        index += 1
      }
      if index < end, bytes[index] == 0x2E {
        // The last two groups as an IPv4 address.
        guard let tail = IPv4Text.parse(bytes, first, end), groups.append(UInt16(tail >> 16)),
          groups.append(UInt16(truncatingIfNeeded: tail))
        else { return nil }
        break
      }
      guard index > first, groups.append(value) else { return nil }
      guard index < end else { break }
      guard bytes[index] == 0x3A else { return nil }
      if index + 1 < end, bytes[index + 1] == 0x3A { continue }
      index += 1
      guard index < end else { return nil }
    }
    return groups.address
  }

  /// What was read so far: 16 bits each, and how many stood before `::`.
  private struct Groups {
    private var high: UInt64 = 0
    private var low: UInt64 = 0
    private var count = 0
    private var gap: Int?

    /// Whether it is the first `::`.
    mutating func shorten() -> Bool {
      guard gap == nil else { return false }
      gap = count
      return true
    }

    /// Whether there was room.
    mutating func append(_ value: UInt16) -> Bool {
      guard count < 8 else { return false }
      high = high << 16 | low >> 48
      low = low << 16 | UInt64(value)
      count += 1
      return true
    }

    var address: IPAddress? {
      guard let gap else { return count == 8 ? IPAddress(high: high, low: low) : nil }
      guard count <= 7 else { return nil }
      // What stands behind the gap stays at the end; what stands before it moves to the front.
      let bits = 16 * UInt64(count - gap)
      let behind = (bits > 64 ? high & mask(bits - 64) : 0, low & mask(bits))
      let before = shifted(by: 128 - 16 * UInt64(count), without: behind)
      return IPAddress(high: before.high | behind.0, low: before.low | behind.1)
    }

    private func mask(_ bits: UInt64) -> UInt64 { bits >= 64 ? .max : (1 << bits) - 1 }

    private func shifted(by bits: UInt64, without behind: (UInt64, UInt64)) -> (high: UInt64, low: UInt64) {
      let (top, bottom) = (high & ~behind.0, low & ~behind.1)
      if bits >= 64 { return (bits == 128 ? 0 : bottom << (bits - 64), 0) }
      return (top << bits | bottom >> (64 - bits), bottom << bits)
    }
  }
}
