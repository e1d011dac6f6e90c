/// The name of a field line (RFC 9110 §5.1: 1*tchar), read eight bytes at a time.
struct FieldNameScan {
  /// Where the name ends: at the first byte that is no tchar, or at the end of the bytes.
  let end: Int
  let known: KnownField
  /// Of the folded name: see `FieldName`.
  let foldedHash: UInt32

  @inline(__always)
  init(_ bytes: Span<UInt8>, from start: Int) {
    let count = bytes.count
    var index = start
    var hash = FieldNameScan.emptyHash
    var words: (UInt64, UInt64, UInt64) = (0, 0, 0)
    while index &+ 8 <= count {
      let word = ByteWord.load(bytes, at: index)
      let marks = ByteWord.notWordCharacter(word)
      let length = ByteWord.bytesBefore(marks)
      if length > 0 {
        // Letters, digits and `-` are folded once they are in lower case.
        let piece = ByteWord.lowered(word).byteSwapped &>> UInt64(64 &- 8 &* length)
        hash = FieldNameScan.hash(hash, adding: piece)
        switch index &- start {
        case 0: words.0 = piece
        case 8: words.1 = piece
        case 16: words.2 = piece
        default: break
        }
        index &+= length
      }
      guard marks == 0 else { break }
    }
    if index < count, bytes[index] != UInt8(ascii: ":") {
      // Other characters, or the last bytes that there are.
      var end = index
      while end < count, ByteClass.isToken(bytes[end]) { end &+= 1 }
      if end > index {
        hash = FieldNameScan.foldedHash(bytes, start, end)
        words.0 = FieldNameScan.piece(bytes, start, end, ByteClass.lowered)
        words.1 = FieldNameScan.piece(bytes, start &+ 8, end, ByteClass.lowered)
        words.2 = FieldNameScan.piece(bytes, start &+ 16, end, ByteClass.lowered)
      }
      index = end
    }
    end = index
    known = KnownField.named(end &- start, words.0, words.1, words.2)
    foldedHash = UInt32(truncatingIfNeeded: hash >> 32)
  }

  private static let emptyHash: UInt64 = 0xCBF2_9CE4_8422_2325

  @inline(__always)
  private static func hash(_ hash: UInt64, adding piece: UInt64) -> UInt64 {
    let product = (hash ^ piece) &* 0x9E37_79B9_7F4A_7C15
    return product ^ product >> 29
  }

  /// The same of a name however it was read: over its folded pieces of eight bytes.
  private static func foldedHash(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> UInt64 {
    var result = emptyHash
    var index = start
    while index < end {
      result = hash(result, adding: piece(bytes, index, end, FieldName.folded))
      index &+= 8
    }
    return result
  }

  static func foldedHash(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> UInt32 {
    UInt32(truncatingIfNeeded: foldedHash(bytes, start, end) >> 32 as UInt64)
  }

  /// At most eight bytes from `start` on, the last of them lowest.
  private static func piece(_ bytes: Span<UInt8>, _ start: Int, _ end: Int, _ change: (UInt8) -> UInt8) -> UInt64 {
    var result: UInt64 = 0
    var index = start
    while index < end, index &- start < 8 {
      result = result << 8 | UInt64(change(bytes[index]))
      index &+= 1
    }
    return result
  }
}
