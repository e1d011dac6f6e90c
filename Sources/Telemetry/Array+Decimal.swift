extension [UInt8] {
  /// Appends a number in decimal digits. A thousand routes have twenty thousand of them: no text is made of each.
  mutating func append(decimal value: UInt64) {
    if value < 10 {
      append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value))
      return
    }
    var digits = InlineArray<20, UInt8>(repeating: 0)
    var index = 20
    var rest = value
    repeat {
      index -= 1
      digits[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    } while rest > 0
    for place in index..<20 { append(digits[place]) }
  }
}
