extension JSONValue {
  /// The value as a JSON text without white space, members in their order.
  ///
  /// Characters that control a terminal, end a line or turn the direction of text are escaped: it may be shown to people.
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
    case .string(let string): JSONValue.append(string, to: &text)
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
        JSONValue.append(member.name, to: &text)
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

  private static func append(_ string: String, to text: inout [UInt8]) {
    text.append(UInt8(ascii: "\""))
    for scalar in string.unicodeScalars {
      switch scalar.value {
      case 0x22: text += #"\""#.utf8
      case 0x5C: text += #"\\"#.utf8
      case 0x0A: text += #"\n"#.utf8
      case 0..<0x20, 0x7F...0x9F, 0x2028...0x202E, 0x2066...0x2069:
        let digits = String(scalar.value, radix: 16)
        text += "\\u\(String(repeating: "0", count: 4 - digits.utf8.count))\(digits)".utf8
      default: text += UTF8.encode(scalar).map(Array.init) ?? []
      }
    }
    text.append(UInt8(ascii: "\""))
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
    String(decoding: JSONValue.string(text).serialized(), as: UTF8.self)
  }
}
