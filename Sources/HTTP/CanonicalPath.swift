public import Reason

/// What a path holds that servers behind a proxy read in different ways: it is refused unless a route keeps it, or read
/// in one way where rules are looked for.
public struct PathTraits: OptionSet, Sendable, Hashable {
  /// A bit for each trait.
  public let rawValue: UInt8
  /// - Parameter rawValue: The bits of the traits below, combined.
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// `%2f` or `%5c`.
  public static let encodedSlash = PathTraits(rawValue: 1)
  /// `//`.
  public static let doubleSlash = PathTraits(rawValue: 2)
  /// `;` or `%3b`.
  public static let parameter = PathTraits(rawValue: 4)

  /// An escape of a byte that may also stand as it is: `%3A`. It is never refused; the path is matched in the form of
  /// `CanonicalPath.writeMatched`.
  public static let optionalEscape = PathTraits(rawValue: 8)

  /// Why a path that holds these is refused; nil where there is no reason to.
  public var refusal: Reason? {
    if contains(.encodedSlash) { return .pathEncodedSlash }
    if contains(.doubleSlash) { return .pathDoubleSlash }
    return contains(.parameter) ? .pathParameter : nil
  }
}

/// Why a path is refused.
public struct PathError: Error, Equatable {
  /// One of the reasons that begin with `path`.
  public let reason: Reason

  /// - Parameter reason: One of those that begin with `path`.
  public init(reason: Reason) { self.reason = reason }
}

/// The one form of a path that is decided on, logged and forwarded (RFC 3986 §6.2.2; SECURITY P-1 to P-9).
public enum CanonicalPath {
  /// Writes the canonical form of `bytes[path]`.
  ///
  /// Encoded unreserved bytes are decoded, other escapes stay with upper case digits. What servers would read
  /// differently, dot segments, bad escapes, control characters, a second encoding, is an error.
  ///
  /// - Parameter output: Overwritten; keeps its capacity.
  /// - Returns: What only a route that keeps it may let through, and whether `writeMatched` makes a difference.
  public static func write(
    _ bytes: Span<UInt8>, _ path: ByteRange, to output: inout [UInt8]
  ) throws(PathError) -> PathTraits {
    output.removeAll(keepingCapacity: true)
    guard !path.isEmpty else {
      output.append(0x2F)
      return []
    }
    guard bytes[path.lowerBound] == 0x2F else { throw PathError(reason: .pathCharacterInvalid) }
    var traits: PathTraits = []
    var needsUTF8Check = false
    var index = path.lowerBound
    let end = path.upperBound
    while index < end {
      let byte = bytes[index]
      switch byte {
      case 0x25:
        guard index + 2 < end, let high = ByteClass.hexadecimal(bytes[index + 1]),
          let low = ByteClass.hexadecimal(bytes[index + 2])
        else { throw PathError(reason: .pathEscapeInvalid) }
        let decoded = high << 4 | low
        if decoded >= 0x80 { needsUTF8Check = true }
        if try keepsEscape(decoded, &traits) {
          output.append(0x25)
          output.append(digit(high))
          output.append(digit(low))
        } else {
          output.append(decoded)
        }
        index += 3
        continue
      case 0x5C: throw PathError(reason: .pathBackslash)
      case 0x3B: traits.insert(.parameter)
      case 0x2F: if output.last == 0x2F { traits.insert(.doubleSlash) }
      default:
        guard isPathByte(byte) else { throw PathError(reason: .pathCharacterInvalid) }
      }
      output.append(byte)
      index += 1
    }
    try refuseDotSegments(output.span)
    try refuseDoubleEncoding(output.span)
    if needsUTF8Check { try checkUTF8(bytes, path) }
    return traits
  }

  /// Writes a canonical path in the form in which routes are looked for: escapes of bytes that may also stand as they are
  /// are decoded. Whether a server tells `/a%3Ab` and `/a:b` apart is its own affair (RFC 3986 §2.2), so both have one
  /// rule.
  ///
  /// What is decoded makes no new escape or segment: `%`, `/`, `\`, `?` and `#` are no such bytes. `%3B` is decoded: no rule
  /// cuts parameters off, and a pattern may hold `;`.
  ///
  /// - Parameter output: Overwritten; keeps its capacity.
  public static func writeMatched(_ path: Span<UInt8>, to output: inout [UInt8]) {
    output.removeAll(keepingCapacity: true)
    var index = 0
    while index < path.count {
      if path[index] == 0x25, index + 2 < path.count, let high = ByteClass.hexadecimal(path[index + 1]),
        let low = ByteClass.hexadecimal(path[index + 2]), isPathByteOrSemicolon(high << 4 | low)
      {
        output.append(high << 4 | low)
        index += 3
      } else {
        output.append(path[index])
        index += 1
      }
    }
  }

  /// Whether an escape stays; false where its byte is unreserved (RFC 3986 §2.3).
  private static func keepsEscape(_ decoded: UInt8, _ traits: inout PathTraits) throws(PathError) -> Bool {
    switch decoded {
    case 0..<0x20, 0x7F: throw PathError(reason: .pathEscapeInvalid)
    case 0x2F, 0x5C:
      traits.insert(.encodedSlash)
      return true
    case 0x3B:
      traits.formUnion([.parameter, .optionalEscape])
      return true
    case 0x2D, 0x2E, 0x5F, 0x7E: return false
    default:
      if ByteClass.isLetter(decoded) || ByteClass.isDigit(decoded) { return false }
      if isPathByte(decoded) { traits.insert(.optionalEscape) }
      return true
    }
  }

  private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x37 + value }

  /// pchar without `;` and `%` (RFC 3986 §3.3), and what browsers send as it is.
  private static func isPathByte(_ byte: UInt8) -> Bool {
    // - . 0-9 : = @ A-Z _ a-z ~ ! $ & ' ( ) * + , and | ^ [ ]
    let low: UInt64 = 0x27FF_7FD2_0000_0000
    let high: UInt64 = 0x57FF_FFFE_EFFF_FFFF
    return ByteClass.contains(byte, low, high)
  }

  private static func isPathByteOrSemicolon(_ byte: UInt8) -> Bool { byte == 0x3B || isPathByte(byte) }

  /// Segments that are `.` or `..`, here also with parameters: some servers cut those first.
  private static func refuseDotSegments(_ path: Span<UInt8>) throws(PathError) {
    let count = path.count
    var index = 0
    while index < count {
      // At a slash.
      var dots = 0
      while index + 1 + dots < count, path[index + 1 + dots] == 0x2E { dots += 1 }
      let after = index + 1 + dots
      if dots == 1 || dots == 2 {
        if after == count || path[after] == 0x2F || path[after] == 0x3B { throw PathError(reason: .pathDotSegment) }
        if endsSegmentEncoded(path, after) { throw PathError(reason: .pathDotSegment) }
      }
      index = after
      while index < count, path[index] != 0x2F {
        // An encoded slash ends a segment for a server that decodes it.
        if path[index] == 0x25, endsSegmentEncoded(path, index) { break }
        index += 1
      }
      if index < count, path[index] == 0x25 { index += 2 }
    }
  }

  /// `%2F`, `%5C` or `%3B` at `index`.
  private static func endsSegmentEncoded(_ path: Span<UInt8>, _ index: Int) -> Bool {
    guard index + 2 < path.count, path[index] == 0x25 else { return false }
    let high = path[index + 1]
    let low = path[index + 2]
    return (high == 0x32 && low == 0x46) || (high == 0x35 && low == 0x43) || (high == 0x33 && low == 0x42)
  }

  /// `%25` followed by two hexadecimal digits: a server that decodes twice would read another path.
  private static func refuseDoubleEncoding(_ path: Span<UInt8>) throws(PathError) {
    var index = 0
    while index + 4 < path.count {
      if path[index] == 0x25, path[index + 1] == 0x32, path[index + 2] == 0x35,
        ByteClass.hexadecimal(path[index + 3]) != nil, ByteClass.hexadecimal(path[index + 4]) != nil
      {
        throw PathError(reason: .pathDoubleEncoding)
      }
      index += 1
    }
  }

  /// The decoded path must be UTF-8 (RFC 3629), without C1 control characters.
  private static func checkUTF8(_ bytes: Span<UInt8>, _ path: ByteRange) throws(PathError) {
    var expected = 0
    var lower: UInt8 = 0x80
    var upper: UInt8 = 0xBF
    var lead: UInt8 = 0
    var index = path.lowerBound
    while index < path.upperBound {
      var byte = bytes[index]
      if byte == 0x25, let high = ByteClass.hexadecimal(bytes[index + 1]),
        let low = ByteClass.hexadecimal(bytes[index + 2])
      {
        byte = high << 4 | low
        index += 2
      }
      index += 1
      if expected > 0 {
        guard byte >= lower, byte <= upper else { throw PathError(reason: .pathEscapeInvalid) }
        if lead == 0xC2, byte < 0xA0 { throw PathError(reason: .pathEscapeInvalid) }
        expected -= 1
        lower = 0x80
        upper = 0xBF
        lead = 0
        continue
      }
      switch byte {
      case 0..<0x80: continue
      case 0xC2...0xDF:
        expected = 1
        lead = byte
      case 0xE0...0xEF:
        expected = 2
        if byte == 0xE0 { lower = 0xA0 }
        if byte == 0xED { upper = 0x9F }
      case 0xF0...0xF4:
        expected = 3
        if byte == 0xF0 { lower = 0x90 }
        if byte == 0xF4 { upper = 0x8F }
      default: throw PathError(reason: .pathEscapeInvalid)
      }
    }
    if expected > 0 { throw PathError(reason: .pathEscapeInvalid) }
  }
}
