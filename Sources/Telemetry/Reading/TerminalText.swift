/// Texts of somebody else's, for the eyes of people (SECURITY L-1).
public enum TerminalText {
  /// With everything escaped that controls a terminal, ends a line, or turns the direction of text: `\u001b`.
  public static func escaped(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isHarmful) else { return text }
    var result = ""
    for scalar in text.unicodeScalars {
      guard isHarmful(scalar) else {
        result.unicodeScalars.append(scalar)
        continue
      }
      let digits = String(scalar.value, radix: 16)
      result += "\\u" + String(repeating: "0", count: max(4 - digits.utf8.count, 0)) + digits
    }
    return result
  }

  /// As one word: in quotes where it is none, so that nothing in it looks like what is beside it.
  public static func word(_ text: String) -> String {
    let isWord =
      !text.isEmpty
      && text.unicodeScalars.allSatisfy { $0 != "\"" && $0 != "\\" && !$0.properties.isWhitespace && !isHarmful($0) }
    if isWord { return text }
    var quoted = ""
    for character in text.unicodeScalars {
      if character == "\"" || character == "\\" { quoted += "\\" }
      quoted.unicodeScalars.append(character)
    }
    return "\"\(escaped(quoted))\""
  }

  private static func isHarmful(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F...0x9F, 0x61C, 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x206F, 0xFEFF, 0xFFF9...0xFFFB,
      0xE0000...0xE007F:
      true
    default: false
    }
  }
}
