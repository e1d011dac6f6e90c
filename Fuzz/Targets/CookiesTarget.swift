import HTTP

/// SECURITY C-2, C-3, I-6: a cookie is found where a plain reading finds it, and what is left out is gone.
enum CookiesTarget {
  static func check(_ input: Span<UInt8>) throws(Violation) -> Outcome {
    let name = [UInt8]("session".utf8)
    let bytes = Array(copying: input)
    let all = ByteRange(0, bytes.count)
    let values = bytes.split(separator: UInt8(ascii: ";")).map { trimmed($0) }
      .filter { $0.starts(with: name + [UInt8(ascii: "=")]) }.map { Array($0.dropFirst(name.count + 1)) }
    let found = CookieLine.find(name, in: bytes.span, all)
    switch found {
    case .absent: try require(values.isEmpty, "a cookie that is there is found")
    case .found(let range):
      try require(values == [Array(bytes[range.lowerBound..<range.upperBound])], "its value is what stands there")
    case .repeated: try require(values.count > 1, "it stands twice")
    }
    var rest: [UInt8] = []
    CookieLine.writeWithout([name], in: bytes.span, all, to: &rest)
    try require(CookieLine.find(name, in: rest.span, ByteRange(0, rest.count)) == .absent, "what is left out is gone")
    var again: [UInt8] = []
    CookieLine.writeWithout([name], in: rest.span, ByteRange(0, rest.count), to: &again)
    try require(again == rest, "the others stay as they are")
    return found == .absent ? .refused : .accepted
  }

  private static func trimmed(_ pair: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var pair = pair
    while let first = pair.first, first == 0x20 || first == 0x09 { pair.removeFirst() }
    while let last = pair.last, last == 0x20 || last == 0x09 { pair.removeLast() }
    return pair
  }
}
