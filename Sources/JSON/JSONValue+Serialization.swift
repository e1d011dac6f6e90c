extension JSONValue {
  /// The value as a JSON text without white space, members in their order; what is escaped, `JSONString` says.
  public func serialized() -> [UInt8] {
    var text: [UInt8] = []
    append(to: &text)
    return text
  }

  private func append(to text: inout [UInt8]) {
    switch self {
    case .null: text += "null".utf8
    case .bool(let truth): text += (truth ? "true" : "false").utf8
    case .integer(let integer): text += String(integer).utf8
    case .number(let number): JSONValue.append(number, to: &text)
    case .string(let string): JSONString.append(string, to: &text)
    case .array(let elements):
      text.append(UInt8(ascii: "["))
      for (index, element) in elements.enumerated() {
        if index > 0 { text.append(UInt8(ascii: ",")) }
        element.append(to: &text)
      }
      text.append(UInt8(ascii: "]"))
    case .object(let object):
      text.append(UInt8(ascii: "{"))
      for (index, member) in object.members.enumerated() {
        if index > 0 { text.append(UInt8(ascii: ",")) }
        JSONString.append(member.name, to: &text)
        text.append(UInt8(ascii: ":"))
        member.value.append(to: &text)
      }
      text.append(UInt8(ascii: "}"))
    }
  }

  /// Swift's shortest round-trip text; RFC 8259 §6 knows no infinity and no NaN.
  private static func append(_ number: Double, to text: inout [UInt8]) {
    text += (number.isFinite ? "\(number)" : "null").utf8
  }

  /// How much of somebody else's text stands in a message.
  private static let excerptBytesMax = 100

  /// The beginning of a text that may be of any length, in UTF-8 about 100 bytes, with … where there is more.
  public static func excerpt(_ text: String) -> String {
    guard text.utf8.count > excerptBytesMax else { return text }
    var kept = String.UnicodeScalarView()
    var count = 0
    for scalar in text.unicodeScalars {
      count += UTF8.width(scalar)
      if count > excerptBytesMax { break }
      kept.append(scalar)
    }
    return String(kept) + "…"
  }

  /// The beginning of a text, as `excerpt` has it, in quotes and on one line.
  public static func quotedExcerpt(_ text: String) -> String { quoted(excerpt(text)) }

  /// A text as JSON: in quotes, on one line.
  public static func quoted(_ text: String) -> String {
    var quoted: [UInt8] = []
    JSONString.append(text, to: &quoted)
    return String(decoding: quoted, as: UTF8.self)
  }
}
