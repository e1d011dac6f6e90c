import CSystem
import Glibc

/// Comparison of bytes. Not for secrets: it stops at the first difference.
public enum Bytes {
  /// Whether both are the same bytes.
  @inlinable
  public static func areEqual(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
    let count = left.count
    guard count == right.count else { return false }
    return unsafe left.withUnsafeBytes { first in
      unsafe right.withUnsafeBytes { second in
        unsafe compare(first, second, count)
      }
    }
  }

  @unsafe
  @usableFromInline
  static func compare(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer, _ count: Int) -> Bool {
    guard let first = left.baseAddress, let second = right.baseAddress else { return true }
    // SAFETY: both hold `count` bytes.
    return unsafe memcmp(first, second, count) == 0
  }

  /// Whether `part` stands anywhere in `bytes`; an empty one always does.
  public static func contains(_ bytes: Span<UInt8>, _ part: Span<UInt8>) -> Bool {
    unsafe bytes.withUnsafeBytes { all in
      unsafe part.withUnsafeBytes { sought in
        guard let first = sought.baseAddress, sought.count > 0 else { return true }
        guard let start = all.baseAddress else { return false }
        // SAFETY: each is as long as is said.
        return unsafe csystem_contains(start, all.count, first, sought.count) != 0
      }
    }
  }
}
