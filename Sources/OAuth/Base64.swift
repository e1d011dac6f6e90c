internal import Tokens

/// Base64 with padding (RFC 4648 §4), as Basic authentication wants it (RFC 7617 §2).
public enum Base64 {
  /// The bytes as base64, with `=` up to a multiple of four characters.
  public static func text(_ bytes: [UInt8]) -> String {
    let text = Base64URL.encode(bytes.span).map { byte in
      switch byte {
      case UInt8(ascii: "-"): UInt8(ascii: "+")
      case UInt8(ascii: "_"): UInt8(ascii: "/")
      default: byte
      }
    }
    let padding = String(repeating: "=", count: (4 - text.count % 4) % 4)
    return String(decoding: text, as: UTF8.self) + padding
  }
}
