/// A fast 64-bit hash of bytes, seeded per process, for tables whose keys an outsider may influence.
///
/// Multiply-and-fold over 16 bytes a step. It is no MAC: a table that uses it compares keys in full.
@safe
public struct SeededHash: Sendable {
  private let first: UInt64
  private let second: UInt64

  /// A hash whose seeds come from the system's random numbers.
  public init() {
    var generator = SystemRandomNumberGenerator()
    first = generator.next() | 1
    second = generator.next() | 1
  }

  /// The same for equal bytes, as long as it is asked of this value or a copy of it.
  public func hash(_ bytes: Span<UInt8>) -> UInt64 {
    unsafe bytes.withUnsafeBytes { raw in
      var state = first ^ UInt64(truncatingIfNeeded: raw.count)
      var offset = 0
      // SAFETY: each load lies below `count`, which the loop conditions check.
      while offset + 16 <= raw.count {
        let low = unsafe raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        let high = unsafe raw.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self)
        state = SeededHash.fold(low ^ second, high ^ state)
        offset += 16
      }
      var low: UInt64 = 0
      var high: UInt64 = 0
      while offset < raw.count {
        high = high << 8 | low >> 56
        low = low << 8 | UInt64(unsafe raw[offset])
        offset += 1
      }
      return SeededHash.fold(SeededHash.fold(low ^ second, high ^ state), first)
    }
  }

  private static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
    let product = left.multipliedFullWidth(by: right)
    return product.high ^ product.low
  }
}
