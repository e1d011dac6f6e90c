/// A port in decimal digits, 0 to 65535, without leading zeros.
enum PortText {
  static func parse(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> UInt16? {
    guard end > start, end - start <= 5, end - start == 1 || bytes[start] != 0x30 else { return nil }
    var value: UInt32 = 0
    for index in start..<end {
      guard ByteClass.isDigit(bytes[index]) else { return nil }
      value = value * 10 + UInt32(bytes[index] - 0x30)
    }
    return UInt16(exactly: value)
  }
}
