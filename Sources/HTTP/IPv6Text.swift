/// The text of an IPv6 address (RFC 3986 §3.2.2): without brackets and zone.
enum IPv6Text {
  static func isValid(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> Bool {
    var groups = 0
    var isShortened = false
    var index = start
    while index < end {
      if bytes[index] == 0x3A {
        // `::`, once: at the start, or where the group before left it.
        guard index + 1 < end, bytes[index + 1] == 0x3A, !isShortened else { return false }
        isShortened = true
        index += 2
        continue
      }
      let group = index
      while index < end, ByteClass.hexadecimal(bytes[index]) != nil { index += 1 }
      if index < end, bytes[index] == 0x2E {
        // The last two groups as an IPv4 address.
        guard isIPv4(bytes, group, end) else { return false }
        groups += 2
        break
      }
      guard index > group, index - group <= 4 else { return false }
      groups += 1
      guard index < end else { break }
      guard bytes[index] == 0x3A else { return false }
      if index + 1 < end, bytes[index + 1] == 0x3A { continue }
      index += 1
      guard index < end else { return false }
    }
    return isShortened ? groups <= 7 : groups == 8
  }

  /// Four numbers up to 255, without leading zeros.
  private static func isIPv4(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> Bool {
    var index = start
    for number in 0..<4 {
      let first = index
      var value = 0
      while index < end, ByteClass.isDigit(bytes[index]), index - first < 3 {
        value = value * 10 + Int(bytes[index] - 0x30)
        index += 1
      }
      guard index > first, value <= 255, index - first == 1 || bytes[first] != 0x30 else { return false }
      if number == 3 { return index == end }
      guard index < end, bytes[index] == 0x2E else { return false }
      index += 1
    }
    return false
  }
}
