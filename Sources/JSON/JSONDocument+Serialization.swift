extension JSONDocument {
  /// Appends the value at `place` as a JSON text, as `JSONValue.serialized` writes it: made of no value on the way.
  public func append(_ place: Place, to text: inout [UInt8]) {
    switch kind(place) {
    case .null: text += "null".utf8
    case .bool: text += (bool(place) == true ? "true" : "false").utf8
    case .integer: text += "\(integer(place) ?? 0)".utf8
    case .number: text += "\(number(place) ?? 0)".utf8
    case .string: withBytes { JSONDocument.append(string: $0.extracting(stringRange(place) ?? 0..<0), to: &text) }
    case .array:
      text.append(UInt8(ascii: "["))
      var next = firstElement(of: place)
      while let element = next {
        append(element, to: &text)
        next = self.element(after: element, of: place)
        if next != nil { text.append(UInt8(ascii: ",")) }
      }
      text.append(UInt8(ascii: "]"))
    case .object:
      text.append(UInt8(ascii: "{"))
      var next = firstMember(of: place)
      while let member = next {
        JSONDocument.append(string: name(of: member).utf8Span.span, to: &text)
        text.append(UInt8(ascii: ":"))
        append(member.value, to: &text)
        next = self.member(after: member, of: place)
        if next != nil { text.append(UInt8(ascii: ",")) }
      }
      text.append(UInt8(ascii: "}"))
    }
  }

  /// Appends a string in quotes.
  ///
  /// - Parameter bytes: UTF-8.
  public static func append(string bytes: Span<UInt8>, to text: inout [UInt8]) {
    text.append(UInt8(ascii: "\""))
    var index = 0
    while index < bytes.count {
      let byte = bytes[index]
      if let (scalar, length) = escapedScalar(bytes, index) {
        escape(scalar, to: &text)
        index += length
      } else {
        if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { text.append(UInt8(ascii: "\\")) }
        text.append(byte)
        index += 1
      }
    }
    text.append(UInt8(ascii: "\""))
  }

  /// The character at `index` that is not written as it is, and its bytes: those that control a terminal, end a line or
  /// turn the direction of text.
  private static func escapedScalar(_ bytes: Span<UInt8>, _ index: Int) -> (UInt16, Int)? {
    let byte = bytes[index]
    if byte < 0x20 || byte == 0x7F { return (UInt16(byte), 1) }
    if byte == 0xC2, index + 1 < bytes.count, bytes[index + 1] < 0xA0 { return (UInt16(bytes[index + 1]), 2) }
    guard byte == 0xE2, index + 2 < bytes.count else { return nil }
    let scalar = 0x2000 | UInt16(bytes[index + 1] & 0x3F) << 6 | UInt16(bytes[index + 2] & 0x3F)
    return (0x2028...0x202E).contains(scalar) || (0x2066...0x2069).contains(scalar) ? (scalar, 3) : nil
  }

  private static func escape(_ scalar: UInt16, to text: inout [UInt8]) {
    if scalar == 0x0A {
      text += #"\n"#.utf8
      return
    }
    text += "\\u".utf8
    for shift: UInt16 in [12, 8, 4, 0] {
      let digit = UInt8(truncatingIfNeeded: scalar >> shift & 0xF)
      text.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
    }
  }
}
