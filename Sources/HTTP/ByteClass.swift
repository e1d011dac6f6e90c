/// The byte sets of RFC 9110 §5.6.2 and RFC 3986, as bit masks: a test is a shift and a mask, without a table in memory.
@usableFromInline
enum ByteClass {
  /// tchar: `!#$%&'*+-.^_`|~`, digits, letters.
  @inlinable
  static func isToken(_ byte: UInt8) -> Bool {
    let low: UInt64 = 0x03FF_6CFA_0000_0000
    let high: UInt64 = 0x57FF_FFFF_C7FF_FFFE
    return contains(byte, low, high)
  }

  @inlinable
  static func contains(_ byte: UInt8, _ low: UInt64, _ high: UInt64) -> Bool {
    if byte < 64 { return low >> UInt64(byte) & 1 != 0 }
    return byte < 128 && high >> UInt64(byte & 63) & 1 != 0
  }

  /// What may stand in a field value: HTAB, SP, visible ASCII and obs-text (RFC 9110 §5.5).
  @inlinable
  static func isFieldValue(_ byte: UInt8) -> Bool { (byte >= 0x20 && byte != 0x7F) || byte == 0x09 }

  @inlinable
  static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

  @inlinable
  static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 }

  /// Lower case, of ASCII letters.
  @inlinable
  static func lowered(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }

  /// The value of a hexadecimal digit; nil of any other byte.
  @inlinable
  static func hexadecimal(_ byte: UInt8) -> UInt8? {
    if byte &- 0x30 < 10 { return byte &- 0x30 }
    let letter = byte | 0x20
    return letter &- 0x61 < 6 ? letter &- 0x57 : nil
  }
}
