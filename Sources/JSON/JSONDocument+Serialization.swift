extension JSONDocument {
  /// Appends the value at `place` as a JSON text, as `JSONValue.serialized` writes it: made of no value on the way.
  public func append(_ place: Place, to text: inout [UInt8]) {
    switch kind(place) {
    case .null: text += "null".utf8
    case .bool: text += (bool(place) == true ? "true" : "false").utf8
    case .integer: text += "\(integer(place) ?? 0)".utf8
    case .number: text += "\(number(place) ?? 0)".utf8
    case .string: withBytes { JSONString.append($0.extracting(stringRange(place) ?? 0..<0), to: &text) }
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
        JSONString.append(name(of: member).utf8Span.span, to: &text)
        text.append(UInt8(ascii: ":"))
        append(member.value, to: &text)
        next = self.member(after: member, of: place)
        if next != nil { text.append(UInt8(ascii: ",")) }
      }
      text.append(UInt8(ascii: "}"))
    }
  }
}
