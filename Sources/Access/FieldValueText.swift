import Tokens

/// Claims as field values that every server reads alike (SECURITY I-4, I-5): visible ASCII and inner spaces; `%`, outer
/// spaces and all else percent-encoded as UTF-8.
enum FieldValueText {
  /// - Returns: False where the value cannot be told.
  static func append(_ value: ClaimValue, to output: inout [UInt8]) -> Bool {
    switch value {
    case .null: return true
    case .list(let items):
      var isFirst = true
      for item in items {
        if !isFirst { output.append(UInt8(ascii: ",")) }
        guard let text = scalar(item), encode(text, .listItem, to: &output) else { return false }
        isFirst = false
      }
      return true
    default: return scalar(value).map { encode($0, .whole, to: &output) } ?? false
    }
  }

  static func append(_ text: String, to output: inout [UInt8]) -> Bool { encode(text, .whole, to: &output) }

  static func append(list: [String], to output: inout [UInt8]) -> Bool {
    for (index, item) in list.enumerated() {
      if index > 0 { output.append(UInt8(ascii: ",")) }
      guard encode(item, .listItem, to: &output) else { return false }
    }
    return true
  }

  private enum Place { case whole, listItem }

  private static func scalar(_ value: ClaimValue) -> String? {
    switch value {
    case .string(let text): text
    case .integer(let number): "\(number)"
    case .number(let number): "\(number)"
    case .boolean(let truth): truth ? "true" : "false"
    case .null, .list, .object: nil
    }
  }

  private static func encode(_ text: String, _ place: Place, to output: inout [UInt8]) -> Bool {
    let bytes = text.utf8Span.span
    for index in bytes.indices {
      let byte = bytes[index]
      switch byte {
      case 0..<0x20, 0x7F: return false
      // C1, as UTF-8 writes it.
      case 0x80..<0xA0 where index > 0 && bytes[index - 1] == 0xC2: return false
      case 0x20 where index > 0 && index < bytes.count - 1: output.append(byte)
      case UInt8(ascii: ",") where place == .listItem: escape(byte, to: &output)
      case UInt8(ascii: "%"), 0x20, 0x80...: escape(byte, to: &output)
      default: output.append(byte)
      }
    }
    return true
  }

  private static func escape(_ byte: UInt8, to output: inout [UInt8]) {
    output.append(UInt8(ascii: "%"))
    output.append(digit(byte >> 4))
    output.append(digit(byte & 0xF))
  }

  private static func digit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") + value - 10
  }
}
