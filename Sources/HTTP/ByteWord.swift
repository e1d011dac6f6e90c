/// Eight bytes in one integer, the first of them lowest, so that they are tested all at once.
///
/// Every test answers with the highest bit of each byte for which it holds; the other bits are zero.
enum ByteWord {
  static let highBits: UInt64 = 0x8080_8080_8080_8080
  private static let ones: UInt64 = 0x0101_0101_0101_0101

  /// - Precondition: `index + 8 <= bytes.count`.
  @inline(__always)
  static func load(_ bytes: Span<UInt8>, at index: Int) -> UInt64 {
    // One check of bounds for all eight; the compiler makes one load of them.
    let piece = bytes.extracting(index..<index &+ 8)
    let low =
      UInt64(piece[0]) | UInt64(piece[1]) << 8 | UInt64(piece[2]) << 16 | UInt64(piece[3]) << 24
    let high =
      UInt64(piece[4]) | UInt64(piece[5]) << 8 | UInt64(piece[6]) << 16 | UInt64(piece[7]) << 24
    return low | high << 32
  }

  /// How many bytes stand before the first one that a test has marked: 8 where it has marked none.
  @inline(__always)
  static func bytesBefore(_ marks: UInt64) -> Int { marks.trailingZeroBitCount >> 3 }

  /// Marks bytes below 0x20; as `notFieldValue`, perhaps more behind the first one.
  @inline(__always)
  static func controls(_ word: UInt64) -> UInt64 { (word &- ones &* 0x20) & ~word & highBits }

  /// Marks what is no visible ASCII, space or obs-text (RFC 9110 §5.5). May mark bytes behind the first one that it marks
  /// although they are: ask for the first alone.
  @inline(__always)
  static func notFieldValue(_ word: UInt64) -> UInt64 {
    let delete = word ^ (ones &* 0x7F)
    return controls(word) | ((delete &- ones) & ~delete & highBits)
  }

  /// Letters in lower case; right for words of letters, digits and `-` alone.
  @inline(__always)
  static func lowered(_ word: UInt64) -> UInt64 { word | (ones &* 0x20) }

  /// Marks what is neither a letter nor a digit nor `-`.
  @inline(__always)
  static func notWordCharacter(_ word: UInt64) -> UInt64 {
    // Seven bits of each byte, so that no sum runs over into the next byte.
    let low = lowered(word) & ~highBits
    let letters = (low &+ ones &* 0x1F) & ~(low &+ ones &* 0x05)
    let digits = (low &+ ones &* 0x50) & ~(low &+ ones &* 0x46)
    let dash = ~((low ^ (ones &* 0x2D)) &+ ones &* 0x7F)
    // Controls and bytes from 0x80 may look like one of these once they are in lower case.
    let isPrintable = ((word & ~highBits) &+ ones &* 0x60) & ~word
    return ~((letters | digits | dash) & isPrintable) & highBits
  }
}
