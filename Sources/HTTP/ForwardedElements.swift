/// The elements of `Forwarded` field lines (RFC 7239 §4): what each proxy saw, the nearest one last.
struct ForwardedElements {
  struct Element {
    /// Values without their quotes; nil where the parameter is absent.
    var client: ByteRange?
    var scheme: ByteRange?
    var authority: ByteRange?
  }

  private(set) var elements: [Element] = []

  /// Appends the elements of one line.
  mutating func append(_ bytes: Span<UInt8>, _ value: ByteRange) throws(ForwardedError) {
    var index = value.lowerBound
    let end = value.upperBound
    var element = Element()
    var isEmpty = true
    while true {
      ForwardedElements.skipSpace(bytes, &index, end)
      if index < end, bytes[index] != UInt8(ascii: ","), bytes[index] != UInt8(ascii: ";") {
        try ForwardedElements.readPair(bytes, &index, end, into: &element)
        isEmpty = false
        ForwardedElements.skipSpace(bytes, &index, end)
      }
      guard index < end, bytes[index] != UInt8(ascii: ",") else {
        // A list may have empty elements (RFC 9110 §5.6.1.2).
        if !isEmpty { elements.append(element) }
        if index == end { return }
        element = Element()
        isEmpty = true
        index += 1
        continue
      }
      guard bytes[index] == UInt8(ascii: ";") else { throw ForwardedError() }
      index += 1
    }
  }

  /// `name=value`; each name once (RFC 7239 §4).
  private static func readPair(
    _ bytes: Span<UInt8>, _ index: inout Int, _ end: Int, into element: inout Element
  ) throws(ForwardedError) {
    let name = readToken(bytes, &index, end)
    guard !name.isEmpty, index < end, bytes[index] == UInt8(ascii: "=") else { throw ForwardedError() }
    index += 1
    let value = try readValue(bytes, &index, end)
    if FieldText.isWord(bytes, name, "for") {
      try set(&element.client, value)
    } else if FieldText.isWord(bytes, name, "proto") {
      try set(&element.scheme, value)
    } else if FieldText.isWord(bytes, name, "host") {
      try set(&element.authority, value)
    }
  }

  private static func set(_ place: inout ByteRange?, _ value: ByteRange) throws(ForwardedError) {
    guard place == nil else { throw ForwardedError() }
    place = value
  }

  private static func readToken(_ bytes: Span<UInt8>, _ index: inout Int, _ end: Int) -> ByteRange {
    let start = index
    while index < end, ByteClass.isToken(bytes[index]) { index += 1 }
    return ByteRange(start, index)
  }

  /// A token or a quoted string. What needs a backslash is nothing that is read here.
  private static func readValue(
    _ bytes: Span<UInt8>, _ index: inout Int, _ end: Int
  ) throws(ForwardedError) -> ByteRange {
    guard index < end, bytes[index] == UInt8(ascii: "\"") else {
      let token = readToken(bytes, &index, end)
      guard !token.isEmpty else { throw ForwardedError() }
      return token
    }
    let start = index + 1
    index = start
    while index < end, bytes[index] != UInt8(ascii: "\"") {
      guard bytes[index] != UInt8(ascii: "\\") else { throw ForwardedError() }
      index += 1
    }
    guard index < end else { throw ForwardedError() }
    index += 1
    return ByteRange(start, index - 1)
  }

  private static func skipSpace(_ bytes: Span<UInt8>, _ index: inout Int, _ end: Int) {
    while index < end, bytes[index] == 0x20 || bytes[index] == 0x09 { index += 1 }
  }
}
