/// The text of an IPv4 address (RFC 3986 §3.2.2): four numbers up to 255, without leading zeros.
enum IPv4Text {
  static func parse(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> UInt32? {
    var index = start
    var address: UInt32 = 0
    for number in 0..<4 {
      let first = index
      var value: UInt32 = 0
      while index < end, ByteClass.isDigit(bytes[index]), index - first < 3 {
        value = value * 10 + UInt32(bytes[index] - 0x30)
        index += 1
      }
      guard index > first, value <= 255, index - first == 1 || bytes[first] != 0x30 else { return nil }
      address = address << 8 | value
      if number == 3 { return index == end ? address : nil }
      guard index < end, bytes[index] == 0x2E else { return nil }
      index += 1
    }
    return nil
  }
}
