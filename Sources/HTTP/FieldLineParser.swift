import Reason

/// One field line (RFC 9112 §5), of either kind of message.
enum FieldLineParser {
  enum Outcome {
    case incomplete
    /// The empty line: the head ends before this offset.
    case end(Int)
    /// A field line, and where the next line begins.
    case line(FieldLine, Int)
  }

  /// The line at `start`.
  static func parse(_ bytes: Span<UInt8>, at start: Int) throws(HeadError) -> Outcome {
    let count = bytes.count
    guard start < count else { return .incomplete }
    if bytes[start] == 0x0D {
      guard start + 1 < count else { return .incomplete }
      guard bytes[start + 1] == 0x0A else { throw HeadError(.lineEndInvalid, at: start) }
      return .end(start + 2)
    }
    // The name: 1*tchar, and the colon directly behind it.
    var index = start
    var first: UInt64 = 0
    var second: UInt64 = 0
    var third: UInt64 = 0
    var hash = FieldName.emptyHash
    while index < count {
      let byte = bytes[index]
      guard ByteClass.isToken(byte) else { break }
      hash = FieldName.hash(hash, adding: byte)
      let lowered = UInt64(ByteClass.lowered(byte))
      switch index &- start {
      case 0..<8: first = first << 8 | lowered
      case 8..<16: second = second << 8 | lowered
      case 16..<24: third = third << 8 | lowered
      default: break
      }
      index &+= 1
    }
    guard index < count else { return .incomplete }
    guard bytes[index] == 0x3A, index > start else {
      if bytes[index] == 0x0A { throw HeadError(.lineEndInvalid, at: index) }
      throw HeadError(.fieldLineInvalid, at: index)
    }
    let name = ByteRange(start, index)
    index += 1
    while index < count, bytes[index] == 0x20 || bytes[index] == 0x09 { index &+= 1 }
    let valueStart = index
    while index < count, ByteClass.isFieldValue(bytes[index]) { index &+= 1 }
    guard index < count else { return .incomplete }
    guard bytes[index] == 0x0D else {
      throw HeadError(bytes[index] == 0x0A ? .lineEndInvalid : .fieldValueInvalid, at: index)
    }
    guard index + 1 < count else { return .incomplete }
    guard bytes[index + 1] == 0x0A else { throw HeadError(.lineEndInvalid, at: index) }
    var valueEnd = index
    while valueEnd > valueStart, bytes[valueEnd - 1] == 0x20 || bytes[valueEnd - 1] == 0x09 { valueEnd &-= 1 }
    let line = FieldLine(
      name: name, value: ByteRange(valueStart, valueEnd),
      known: KnownField.named(name.count, first, second, third), foldedHash: hash)
    return .line(line, index + 2)
  }
}
