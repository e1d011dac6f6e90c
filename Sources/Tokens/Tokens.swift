/// Module `Tokens`: JSON Web Tokens: reading, verifying and making them (RFC 7515, 7517, 7518, 7519, 8725).
/// May import: JSON, Crypto, Reason.
/// Never does: I/O, or read a clock: the time is an argument. No claim is believed before the signature holds.

/// Seconds since 1970-01-01T00:00:00Z without leap seconds (RFC 7519 §2, NumericDate).
public typealias UnixSeconds = Int64

extension String {
  /// Whether both are the same bytes: Swift's `==` takes canonically equivalent texts for one, and an issuer, an
  /// audience or a role is compared without that (RFC 7519 §7.3).
  public func isSameBytes(as other: String) -> Bool {
    // Counts are at hand, and most texts that differ differ in them.
    guard utf8.count == other.utf8.count else { return false }
    return utf8Span.span.isSame(as: other.utf8Span.span)
  }
}

extension Span<UInt8> {
  /// As that of `HTTP`, which is not imported here.
  func isSame(as other: Span<UInt8>) -> Bool {
    guard count == other.count else { return false }
    for index in indices where self[index] != other[index] { return false }
    return true
  }
}

extension [String] {
  /// Whether one of the texts is `text`, byte for byte.
  public func containsSameBytes(as text: String) -> Bool {
    for element in self where element.isSameBytes(as: text) { return true }
    return false
  }
}
