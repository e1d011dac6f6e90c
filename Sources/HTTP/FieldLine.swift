/// One field line of a head (RFC 9112 §5): offsets into the bytes that were parsed.
public struct FieldLine: Sendable {
  /// As received: field names are compared in any case (RFC 9110 §5.1).
  public let name: ByteRange
  /// Without the white space around it.
  public let value: ByteRange
  /// Which field it is, if it is one that the gateway itself reads or treats specially; otherwise `other`.
  public let known: KnownField
  /// Of the folded name: see `FieldName`.
  public let foldedHash: UInt32
}

/// Names as backends may read them: many turn them into variables, where case and punctuation are lost (CGI, WSGI,
/// PHP). Two names are alike when they fold to the same bytes: letters in lower case, all but letters and digits as `-`.
public enum FieldName {
  /// What `byte` is folded to: a lower-case letter, a digit, or `-`.
  @inlinable
  public static func folded(_ byte: UInt8) -> UInt8 {
    if byte &- 0x30 < 10 { return byte }
    let lowered = byte | 0x20
    return lowered &- 0x61 < 26 ? lowered : 0x2D
  }

  /// The hash of a folded name.
  static func foldedHash(of bytes: Span<UInt8>, _ range: ByteRange) -> UInt32 {
    FieldNameScan.foldedHash(bytes, range.lowerBound, range.upperBound)
  }
}

/// A set of field names, and of beginnings of names, compared folded.
public struct FieldNameSet: Sendable {
  /// A bit for each hash modulo 1024: most fields of most requests are settled by it.
  private var filter = InlineArray<16, UInt64>(repeating: 0)
  private var hashes: [UInt32] = []
  private var names: [[UInt8]] = []
  private let prefixes: [[UInt8]]
  /// A bit for each letter that a prefix begins with.
  private let prefixLetters: UInt32

  /// - Parameter prefixes: Every name that begins with one of these is in the set too.
  public init(_ names: [String], prefixes: [String] = []) {
    self.prefixes = prefixes.map { $0.utf8.map(FieldName.folded) }
    prefixLetters = self.prefixes.reduce(0) { $0 | 1 << UInt32(($1.first ?? 0) & 31) }
    for name in names {
      let folded = name.utf8.map(FieldName.folded)
      if self.names.contains(folded) { continue }
      let hash = FieldName.foldedHash(of: folded.span, ByteRange(0, folded.count))
      self.names.append(folded)
      hashes.append(hash)
      filter[Int(hash >> 6 & 15)] |= 1 << UInt64(hash & 63)
    }
  }

  /// Whether the folded name of `line` is in the set, or begins with one of its prefixes.
  ///
  /// - Parameter bytes: What `line` was parsed from.
  public func contains(_ bytes: Span<UInt8>, _ line: FieldLine) -> Bool {
    let hash = line.foldedHash
    if filter[Int(hash >> 6 & 15)] >> UInt64(hash & 63) & 1 != 0 {
      for index in hashes.indices where hashes[index] == hash && isNamed(index, bytes, line.name) { return true }
    }
    guard prefixLetters >> UInt32(bytes[line.name.lowerBound] & 31) & 1 != 0 else { return false }
    for index in prefixes.indices where beginsWith(index, bytes, line.name) { return true }
    return false
  }

  private func beginsWith(_ index: Int, _ bytes: Span<UInt8>, _ name: ByteRange) -> Bool {
    guard prefixes[index].count <= name.count else { return false }
    for offset in prefixes[index].indices
    where prefixes[index][offset] != FieldName.folded(bytes[name.lowerBound + offset]) { return false }
    return true
  }

  private func isNamed(_ index: Int, _ bytes: Span<UInt8>, _ name: ByteRange) -> Bool {
    guard names[index].count == name.count else { return false }
    for offset in 0..<name.count
    where names[index][offset] != FieldName.folded(bytes[name.lowerBound + offset]) { return false }
    return true
  }
}
