/// The field `traceparent` of W3C Trace Context (www.w3.org/TR/trace-context, §3.2).
public enum TraceContext {
  /// What a `traceparent` says.
  public struct Parent: Sendable, Equatable {
    /// The first eight bytes of the trace id (§3.2.2.3); its two halves are not both 0.
    public let traceHigh: UInt64
    /// The last eight bytes of the trace id.
    public let traceLow: UInt64
    /// The id of the span that the request was sent in; never 0.
    public let span: UInt64
    /// As received, also the bits that this version does not define (§3.2.2.5).
    public let flags: UInt8

    /// Whether its sender may have recorded the trace (§3.2.2.5.1).
    public var isSampled: Bool { flags & 1 != 0 }
  }

  /// Whether the range is a `traceparent` that may be passed on: version, trace id, parent id and flags, in lower case.
  public static func isValid(_ bytes: Span<UInt8>, _ value: ByteRange) -> Bool { parent(bytes, value) != nil }

  /// nil where the range is no `traceparent` that may be passed on.
  public static func parent(_ bytes: Span<UInt8>, _ value: ByteRange) -> Parent? {
    let start = value.lowerBound
    // A later version may append what this one does not know (§3.2.4).
    guard value.count >= 55, let version = hexadecimal(bytes, start, 2), version != 0xFF else { return nil }
    guard value.count == 55 || (version > 0 && bytes[start + 55] == dash) else { return nil }
    guard bytes[start + 2] == dash, bytes[start + 35] == dash, bytes[start + 52] == dash else { return nil }
    guard let high = hexadecimal(bytes, start + 3, 16), let low = hexadecimal(bytes, start + 19, 16),
      let span = hexadecimal(bytes, start + 36, 16), let flags = hexadecimal(bytes, start + 53, 2)
    else { return nil }
    guard high | low != 0, span != 0 else { return nil }
    return Parent(traceHigh: high, traceLow: low, span: span, flags: UInt8(truncatingIfNeeded: flags))
  }

  private static let dash = UInt8(ascii: "-")

  /// Lower case digits only (§3.2.2); nil where there is another byte.
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
