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
    let name = FieldNameScan(bytes, from: start)
    var index = name.end
    guard index < count else { return .incomplete }
    guard bytes[index] == 0x3A, index > start else {
      if bytes[index] == 0x0A { throw HeadError(.lineEndInvalid, at: index) }
      throw HeadError(.fieldLineInvalid, at: index)
    }
    index += 1
    while index < count, bytes[index] == 0x20 || bytes[index] == 0x09 { index &+= 1 }
    let valueStart = index
    index = endOfValue(bytes, from: index)
    guard index < count else { return .incomplete }
    guard bytes[index] == 0x0D else {
      throw HeadError(bytes[index] == 0x0A ? .lineEndInvalid : .fieldValueInvalid, at: index)
    }
    guard index + 1 < count else { return .incomplete }
    guard bytes[index + 1] == 0x0A else { throw HeadError(.lineEndInvalid, at: index) }
    var valueEnd = index
    while valueEnd > valueStart, bytes[valueEnd - 1] == 0x20 || bytes[valueEnd - 1] == 0x09 { valueEnd &-= 1 }
    let line = FieldLine(
      name: ByteRange(start, name.end), value: ByteRange(valueStart, valueEnd), known: name.known,
      foldedHash: name.foldedHash)
    return .line(line, index + 2)
  }

  /// The first place that no field value may have, from `start` on; the end of `bytes` where there is none.
  static func endOfValue(_ bytes: Span<UInt8>, from start: Int) -> Int {
    let count = bytes.count
    var index = start
    while true {
      while index &+ 8 <= count {
        let marks = ByteWord.notFieldValue(ByteWord.load(bytes, at: index))
        index &+= ByteWord.bytesBefore(marks)
        if marks != 0 { break }
      }
      // Here stands HTAB, or what ends the value, or fewer than eight bytes are left.
      let stop = min(index &+ 8, count)
      while index < stop, ByteClass.isFieldValue(bytes[index]) { index &+= 1 }
      if index < stop || index == count { return index }
    }
  }
}
