/// Reads a Cookie field value as RFC 6265 §5.4 writes it: pairs split at `;`, white space around them trimmed; no
/// quotes, no `$Version`, no decoding (SECURITY C-3).
public enum CookieLine {
  /// The result of looking for a cookie by its name.
  public enum Lookup: Equatable, Sendable {
    /// No cookie has the name.
    case absent
    /// The value as it was sent, which may be empty.
    case found(ByteRange)
    /// Two of that name: which one a server reads is anyone's guess.
    case repeated
  }

  /// The value of the cookie `name`, compared bytewise.
  public static func find(_ name: [UInt8], in bytes: Span<UInt8>, _ value: ByteRange) -> Lookup {
    var result = Lookup.absent
    var start = value.lowerBound
    while start < value.upperBound {
      let pair = next(bytes, &start, value.upperBound)
      guard isNamed(bytes, pair, name) else { continue }
      if result != .absent { return .repeated }
      result = .found(ByteRange(pair.lowerBound + name.count + 1, pair.upperBound))
    }
    return result
  }

  /// Whether the name of a cookie begins with one of `prefixes`.
  public static func hasName(beginningWith prefixes: [[UInt8]], in bytes: Span<UInt8>, _ value: ByteRange) -> Bool {
    var start = value.lowerBound
    while start < value.upperBound {
      let pair = next(bytes, &start, value.upperBound)
      for prefix in prefixes where begins(bytes, pair, prefix) { return true }
    }
    return false
  }

  /// Appends the pairs of other names, byte for byte, joined by `; `. Some servers trim names, so one with white space
  /// behind it is no other.
  ///
  /// - Parameters:
  ///   - prefixes: What no name that is appended begins with.
  ///   - kept: The value of a cookie that is appended whatever its name is; nil: there is none.
  public static func writeWithout(
    _ names: [[UInt8]], prefixes: [[UInt8]] = [], but kept: ByteRange? = nil, in bytes: Span<UInt8>,
    _ value: ByteRange, to output: inout [UInt8]
  ) {
    var start = value.lowerBound
    while start < value.upperBound {
      let pair = next(bytes, &start, value.upperBound)
      var isLeftOut = pair.isEmpty
      for name in names where couldBeNamed(bytes, pair, name) { isLeftOut = true }
      for prefix in prefixes where begins(bytes, pair, prefix) { isLeftOut = true }
      if let kept, pair.lowerBound < kept.lowerBound, pair.upperBound == kept.upperBound { isLeftOut = false }
      if isLeftOut { continue }
      if !output.isEmpty { output += [0x3B, 0x20] }
      output.append(bytes, pair)
    }
  }

  /// The pair at `start`, trimmed; `start` moves behind its `;`.
  private static func next(_ bytes: Span<UInt8>, _ start: inout Int, _ end: Int) -> ByteRange {
    var stop = start
    while stop < end, bytes[stop] != 0x3B { stop += 1 }
    var lower = start
    var upper = stop
    while lower < upper, bytes[lower] == 0x20 || bytes[lower] == 0x09 { lower += 1 }
    while upper > lower, bytes[upper - 1] == 0x20 || bytes[upper - 1] == 0x09 { upper -= 1 }
    start = stop + 1
    return ByteRange(lower, upper)
  }

  private static func begins(_ bytes: Span<UInt8>, _ pair: ByteRange, _ prefix: [UInt8]) -> Bool {
    guard pair.count >= prefix.count else { return false }
    for offset in prefix.indices where bytes[pair.lowerBound + offset] != prefix[offset] { return false }
    return true
  }

  private static func isNamed(_ bytes: Span<UInt8>, _ pair: ByteRange, _ name: [UInt8]) -> Bool {
    guard pair.count > name.count, bytes[pair.lowerBound + name.count] == 0x3D else { return false }
    for offset in name.indices where bytes[pair.lowerBound + offset] != name[offset] { return false }
    return true
  }

  private static func couldBeNamed(_ bytes: Span<UInt8>, _ pair: ByteRange, _ name: [UInt8]) -> Bool {
    guard begins(bytes, pair, name) else { return false }
    var index = pair.lowerBound + name.count
    while index < pair.upperBound, bytes[index] == 0x20 || bytes[index] == 0x09 { index += 1 }
    return index < pair.upperBound && bytes[index] == 0x3D
  }
}
