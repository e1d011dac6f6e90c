/// A string as a JSON text has it: in quotes, on one line (RFC 8259 §7).
///
/// Characters that control a terminal, end a line or turn the direction of text are escaped: it may be shown to people.
public enum JSONString {
  /// - Parameter bytes: UTF-8.
  public static func append(_ bytes: Span<UInt8>, to text: inout [UInt8]) {
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

  static func append(_ string: String, to text: inout [UInt8]) {
    var string = string
    string.makeContiguousUTF8()
    append(string.utf8Span.span, to: &text)
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
