/// `application/x-www-form-urlencoded` (RFC 6749 Appendix B).
public enum FormEncoding {
  /// The value of Content-Type.
  public static let contentType = "application/x-www-form-urlencoded"

  /// Pairs in their order: `name=value`, each part encoded, with `&` between them.
  public static func encode(_ pairs: [(name: String, value: [UInt8])]) -> [UInt8] {
    var output: [UInt8] = []
    for (index, pair) in pairs.enumerated() {
      if index > 0 { output.append(UInt8(ascii: "&")) }
      append(Array(pair.name.utf8), to: &output)
      output.append(UInt8(ascii: "="))
      append(pair.value, to: &output)
    }
    return output
  }

  /// One name or value.
  public static func encode(_ text: [UInt8]) -> [UInt8] {
    var output: [UInt8] = []
    append(text, to: &output)
    return output
  }

  private static func append(_ text: [UInt8], to output: inout [UInt8]) {
    for byte in text {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "*"):
        output.append(byte)
      case UInt8(ascii: " "):
        output.append(UInt8(ascii: "+"))
      default:
        output += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
  }

  private static let digits = Array("0123456789ABCDEF".utf8)
}
