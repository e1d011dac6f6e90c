/// Reads the name in a Set-Cookie field value as browsers do (RFC 6265bis §5.6).
public enum SetCookieLine {
  /// Whether it sets a cookie that one of `names` would be read as: letters in any case, and with the `=` before it
  /// that makes it the value of a cookie without a name.
  ///
  /// - Parameter prefixes: What other such names begin with.
  public static func sets(
    _ names: [[UInt8]], prefixes: [[UInt8]] = [], _ bytes: Span<UInt8>, _ value: ByteRange
  ) -> Bool {
    var start = value.lowerBound
    while start < value.upperBound, isSpace(bytes[start]) || bytes[start] == UInt8(ascii: "=") { start += 1 }
    var end = start
    while end < value.upperBound, bytes[end] != UInt8(ascii: "="), bytes[end] != UInt8(ascii: ";") { end += 1 }
    while end > start, isSpace(bytes[end - 1]) { end -= 1 }
    for name in names where isSame(name, bytes, ByteRange(start, end)) { return true }
    for prefix in prefixes where end - start >= prefix.count {
      if isSame(prefix, bytes, ByteRange(start, start + prefix.count)) { return true }
    }
    return false
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

  private static func isSame(_ name: [UInt8], _ bytes: Span<UInt8>, _ range: ByteRange) -> Bool {
    guard name.count == range.count else { return false }
    for offset in name.indices
    where ByteClass.lowered(name[offset]) != ByteClass.lowered(bytes[range.lowerBound + offset]) { return false }
    return true
  }
}
