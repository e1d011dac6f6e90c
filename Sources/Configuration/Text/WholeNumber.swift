/// Whole numbers as `gateway.conf` writes them: decimal digits, no sign, no leading zero.
enum WholeNumber {
  static func parse(_ text: some StringProtocol) -> Int64? {
    let digits = text.utf8
    guard !digits.isEmpty, digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
      return nil
    }
    guard digits.count == 1 || digits.first != UInt8(ascii: "0") else { return nil }
    return Int64(text)
  }
}
