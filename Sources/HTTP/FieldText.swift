/// What field values have in common (RFC 9110 §5.6).
public enum FieldText {
  /// Lower case, of ASCII letters.
  @inlinable
  public static func lowered(_ byte: UInt8) -> UInt8 { ByteClass.lowered(byte) }

  /// Whether it may stand in a token (RFC 9110 §5.6.2).
  @inlinable
  public static func isToken(_ byte: UInt8) -> Bool { ByteClass.isToken(byte) }

  /// Whether the range reads `word`, which is in lower case, in any case.
  public static func isWord(_ bytes: Span<UInt8>, _ range: ByteRange, _ word: String) -> Bool {
    let expected = word.utf8Span.span
    guard range.count == expected.count else { return false }
    for offset in expected.indices
    where ByteClass.lowered(bytes[range.lowerBound &+ offset]) != expected[offset] { return false }
    return true
  }
}

/// The elements of a list with commas or another byte between, without the white space around them (RFC 9110 §5.6.1).
/// Empty ones too.
public struct ListElements {
  private var start: Int
  private let end: Int
  private let separator: UInt8

  /// - Parameters:
  ///   - value: The range of the list in the bytes that `next` is given.
  ///   - separator: The byte between two elements.
  public init(_ value: ByteRange, separator: UInt8 = UInt8(ascii: ",")) {
    start = value.lowerBound
    end = value.upperBound
    self.separator = separator
  }

  /// The next element; nil behind the last.
  public mutating func next(_ bytes: Span<UInt8>) -> ByteRange? {
    guard start <= end else { return nil }
    var stop = start
    while stop < end, bytes[stop] != separator { stop += 1 }
    var lower = start
    var upper = stop
    while lower < upper, bytes[lower] == 0x20 || bytes[lower] == 0x09 { lower += 1 }
    while upper > lower, bytes[upper - 1] == 0x20 || bytes[upper - 1] == 0x09 { upper -= 1 }
    start = stop + 1
    return ByteRange(lower, upper)
  }
}
