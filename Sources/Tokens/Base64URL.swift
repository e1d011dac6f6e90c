/// Base64url without padding (RFC 4648 §5, RFC 7515 §2), canonical only.
public enum Base64URL {
  /// The bytes that `text` stands for; nil where it holds anything but the alphabet, has an impossible length, or has
  /// unused bits that are not zero (RFC 4648 §3.5): one value has one text.
  public static func decode(_ text: Span<UInt8>) -> [UInt8]? {
    let rest = text.count % 4
    guard rest != 1 else { return nil }
    // Values above 63 mark bytes outside the alphabet, and unused bits that are not zero.
    var seen: UInt8 = 0
    let whole = text.count - rest
    let output = [UInt8](capacity: text.count / 4 * 3 + (rest == 0 ? 0 : rest - 1)) { output in
      for index in stride(from: 0, to: whole, by: 4) {
        let a = values[Int(text[index])]
        let b = values[Int(text[index + 1])]
        let c = values[Int(text[index + 2])]
        let d = values[Int(text[index + 3])]
        seen |= a | b | c | d
        output.append(a << 2 | b >> 4)
        output.append(b << 4 | c >> 2)
        output.append(c << 6 | d)
      }
      guard rest > 0 else { return }
      var bits: UInt32 = 0
      for place in whole..<text.count {
        let value = values[Int(text[place])]
        seen |= value
        bits = bits << 6 | UInt32(value)
      }
      let unused: UInt32 = rest == 2 ? 4 : 2
      if bits & (1 << unused - 1) != 0 { seen = 0xFF }
      bits >>= unused
      if rest == 3 { output.append(UInt8(truncatingIfNeeded: bits >> 8)) }
      output.append(UInt8(truncatingIfNeeded: bits))
    }
    return seen & 0xC0 == 0 ? output : nil
  }

  /// The bytes that `text` stands for.
  public static func decode(_ text: String) -> [UInt8]? { decode([UInt8](text.utf8).span) }

  /// The text of `bytes`.
  public static func encode(_ bytes: Span<UInt8>) -> [UInt8] {
    var output: [UInt8] = []
    output.reserveCapacity((bytes.count * 4 + 2) / 3)
    var index = 0
    while index < bytes.count {
      let count = min(3, bytes.count - index)
      var bits: UInt32 = 0
      for place in 0..<3 { bits = bits << 8 | (place < count ? UInt32(bytes[index + place]) : 0) }
      for place in 0...count { output.append(alphabet[Int(bits >> (18 - 6 * UInt32(place)) & 63)]) }
      index += 3
    }
    return output
  }

  /// The text of `bytes`.
  public static func text(_ bytes: [UInt8]) -> String { String(decoding: encode(bytes.span), as: UTF8.self) }

  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

  private static let values: InlineArray<256, UInt8> = {
    var values = InlineArray<256, UInt8>(repeating: 0xFF)
    for (value, byte) in alphabet.enumerated() { values[Int(byte)] = UInt8(value) }
    return values
  }()
}
