/// The field `traceparent` of W3C Trace Context (www.w3.org/TR/trace-context, §3.2).
public enum TraceContext {
  /// Whether the range is a `traceparent` that may be passed on: version, trace id, parent id and flags, in lower case.
  public static func isValid(_ bytes: Span<UInt8>, _ value: ByteRange) -> Bool {
    let start = value.lowerBound
    // A later version may append what this one does not know (§3.2.2, "versioning").
    guard value.count >= 55, let version = hexadecimal(bytes, start, 2), version != 0xFF else { return false }
    guard value.count == 55 || (version > 0 && bytes[start + 55] == dash) else { return false }
    guard bytes[start + 2] == dash, bytes[start + 35] == dash, bytes[start + 52] == dash else { return false }
    guard let high = hexadecimal(bytes, start + 3, 16), let low = hexadecimal(bytes, start + 19, 16),
      let parent = hexadecimal(bytes, start + 36, 16), hexadecimal(bytes, start + 53, 2) != nil
    else { return false }
    return high | low != 0 && parent != 0
  }

  private static let dash = UInt8(ascii: "-")

  /// Lower case digits only (§3.2.2.1); nil where there is another byte.
  private static func hexadecimal(_ bytes: Span<UInt8>, _ start: Int, _ count: Int) -> UInt64? {
    var result: UInt64 = 0
    for index in start..<start + count {
      let byte = bytes[index]
      guard let digit = ByteClass.hexadecimal(byte), byte < 0x41 || byte > 0x5A else { return nil }
      result = result << 4 | UInt64(digit)
    }
    return result
  }
}
