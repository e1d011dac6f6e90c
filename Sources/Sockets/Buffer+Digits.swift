/// Numbers as messages and log lines have them. They are written in place: each request has some twenty.
extension Buffer {
  /// Appends `number` in decimal digits, which must fit `writableCount`.
  @inlinable
  public mutating func append(decimal number: UInt64) {
    guard number < 10_000, capacity - end >= 4 else { return append(longDecimal: number) }
    let count = number < 10 ? 1 : number < 100 ? 2 : number < 1000 ? 3 : 4
    let digits = Buffer.decimalDigits(ofSmall: UInt32(truncatingIfNeeded: number)) >> UInt32(8 * (4 - count))
    // SAFETY: there is room for four bytes; those behind the digits are not readable.
    unsafe base.storeBytes(of: digits.littleEndian, toByteOffset: end, as: UInt32.self)
    end += count
  }

  @usableFromInline
  mutating func append(longDecimal number: UInt64) {
    let count = Buffer.decimalDigits(of: number)
    precondition(count <= capacity - end)
    var place = end + count
    var rest = number
    // SAFETY: there is room for `count` digits, and `number` has no more: `place` never passes `end`.
    while rest >= 10 {
      let quotient = rest / 10
      place -= 1
      unsafe base.storeBytes(
        of: UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest - quotient * 10), toByteOffset: place, as: UInt8.self)
      rest = quotient
    }
    unsafe base.storeBytes(
      of: UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest), toByteOffset: place - 1, as: UInt8.self)
    end += count
  }

  /// Appends `number` in 16 lower-case hexadecimal digits, which must fit `writableCount`.
  @inlinable
  public mutating func append(hexadecimal number: UInt64) {
    precondition(capacity - end >= 16)
    let high = Buffer.hexadecimalDigits(of: UInt32(truncatingIfNeeded: number >> 32))
    let low = Buffer.hexadecimalDigits(of: UInt32(truncatingIfNeeded: number))
    // SAFETY: the room was checked.
    unsafe base.storeBytes(of: high.bigEndian, toByteOffset: end, as: UInt64.self)
    unsafe base.storeBytes(of: low.bigEndian, toByteOffset: end + 8, as: UInt64.self)
    end += 16
  }

  /// How many decimal digits `number` has: 1 to 20.
  @inlinable
  public static func decimalDigits(of number: UInt64) -> Int {
    var count = 0
    var rest = number
    while rest >= 10_000 {
      rest /= 10_000
      count += 4
    }
    return count + (rest < 10 ? 1 : rest < 100 ? 2 : rest < 1000 ? 3 : 4)
  }

  /// Four digits of a number below 10,000, the first in the least significant byte.
  @inlinable
  static func decimalDigits(ofSmall number: UInt32) -> UInt32 {
    // A division by a constant is a multiplication; these are exact for what they are given.
    let hundreds = (number &* 5243) >> 19
    let pairs = hundreds | (number &- hundreds &* 100) << 16
    let tens = (pairs &* 103) >> 10 & 0x000F_000F
    return tens | (pairs &- tens &* 10) << 8 | 0x3030_3030
  }

  /// Eight digits, the first in the most significant byte.
  @inlinable
  static func hexadecimalDigits(of number: UInt32) -> UInt64 {
    // Each nibble into a byte of its own, in three steps.
    var digits = UInt64(number)
    digits = (digits & 0xFFFF_0000) << 16 | digits & 0xFFFF
    digits = (digits & 0x0000_FF00_0000_FF00) << 8 | digits & 0x0000_00FF_0000_00FF
    digits = (digits & 0x00F0_00F0_00F0_00F0) << 4 | digits & 0x000F_000F_000F_000F
    // 1 in each byte that is above 9.
    let letters = (digits &+ 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
    return digits &+ 0x3030_3030_3030_3030 &+ letters &* UInt64(UInt8(ascii: "a") - 10 - UInt8(ascii: "0"))
  }
}
