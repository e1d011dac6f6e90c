/// Text that JSON and the log have as it is. A log line has ten such values: they are looked at and copied eight bytes at
/// a time.
extension Buffer {
  /// Appends `bytes`, which must fit `writableCount`, if none of them has to be escaped between quotes (RFC 8259 §7):
  /// all are printable ASCII other than `"` and `\`.
  ///
  /// - Returns: Whether it did.
  @inlinable
  public mutating func append(ifPlain bytes: Span<UInt8>) -> Bool {
    let count = bytes.count
    precondition(count <= capacity - end)
    guard count >= 8 else { return append(ifPlainAndShort: bytes) }
    let source = unsafe bytes.bytes
    var marks: UInt64 = 0
    var offset = 0
    // SAFETY: `offset + 8 <= count` in each round and for the last word, which may overlap the one before; the room
    // was checked, and loads look at the bounds of `source`.
    while offset < count - 8 {
      let word = unsafe source.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
      marks |= Buffer.escapeMarks(word)
      unsafe (base + end).storeBytes(of: word, toByteOffset: offset, as: UInt64.self)
      offset += 8
    }
    let word = unsafe source.unsafeLoadUnaligned(fromByteOffset: count - 8, as: UInt64.self)
    marks |= Buffer.escapeMarks(word)
    unsafe (base + end).storeBytes(of: word, toByteOffset: count - 8, as: UInt64.self)
    guard marks == 0 else { return false }
    end += count
    return true
  }

  // Without a `UTF8Span`, whose making costs more than the copy does.
  /// As `append(ifPlain:)` of its UTF-8; false also where the string's bytes do not stand in one piece.
  @inlinable
  public mutating func append(ifPlain text: String) -> Bool {
    // SAFETY: the span does not outlive the call.
    unsafe text.utf8.withContiguousStorageIfAvailable { append(ifPlain: unsafe Span(_unsafeElements: $0)) } ?? false
  }

  /// As `append(ifPlain:)`, of less than eight bytes.
  @inlinable
  mutating func append(ifPlainAndShort bytes: Span<UInt8>) -> Bool {
    let count = bytes.count
    precondition(count < 8 && count <= capacity - end)
    guard count > 0 else { return true }
    let source = unsafe bytes.bytes
    let place = unsafe base + end
    // Its first and its last bytes, which may overlap; spaces, which need no escape, where there are fewer than eight.
    var word: UInt64 = 0x2020_2020_2020_2020
    // SAFETY: `count` is at least what is loaded and stored at a time, and there is room for it.
    if count >= 4 {
      let first = unsafe source.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt32.self)
      let last = unsafe source.unsafeLoadUnaligned(fromByteOffset: count - 4, as: UInt32.self)
      word = UInt64(first) | UInt64(last) << 32
      unsafe place.storeBytes(of: first, as: UInt32.self)
      unsafe place.storeBytes(of: last, toByteOffset: count - 4, as: UInt32.self)
    } else if count >= 2 {
      let first = unsafe source.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt16.self)
      let last = unsafe source.unsafeLoadUnaligned(fromByteOffset: count - 2, as: UInt16.self)
      word = word << 32 | UInt64(first) | UInt64(last) << 16
      unsafe place.storeBytes(of: first, as: UInt16.self)
      unsafe place.storeBytes(of: last, toByteOffset: count - 2, as: UInt16.self)
    } else {
      word = word << 8 | UInt64(bytes[0])
      unsafe place.storeBytes(of: bytes[0], as: UInt8.self)
    }
    guard Buffer.escapeMarks(word) == 0 else { return false }
    end += count
    return true
  }

  /// 0 if none of the eight bytes has to be escaped.
  @inlinable
  static func escapeMarks(_ word: UInt64) -> UInt64 {
    let ones: UInt64 = 0x0101_0101_0101_0101
    // The high bit of a byte of these is set where that byte is 0, or where one before it is: it matters whether any is.
    let quotes = word ^ (ones &* UInt64(UInt8(ascii: "\"")))
    let backslashes = word ^ (ones &* UInt64(UInt8(ascii: "\\")))
    let deletes = word ^ (ones &* 0x7F)
    let marks =
      (quotes &- ones) & ~quotes | (backslashes &- ones) & ~backslashes | (deletes &- ones) & ~deletes
      | (word &- ones &* 0x20) & ~word | word
    return marks & (ones &* 0x80)
  }
}
