/// The form of a token, before anything is decoded.
public enum TokenForm {
  /// Whether it may be a compact JWS (RFC 7515 §7.1): two dots, and nothing but base64url around them. Any other token
  /// is opaque.
  public static func isCompact(_ token: Span<UInt8>) -> Bool {
    var dots = 0
    for index in token.indices {
      switch token[index] {
      case UInt8(ascii: "."): dots += 1
      case UInt8(ascii: "-"), UInt8(ascii: "_"): continue
      case let byte where !isAlphanumeric(byte): return false
      default: continue
      }
    }
    return dots == 2
  }

  /// Whether it consists of characters allowed in a Bearer token (RFC 6750 §2.1, `b64token`).
  static func isBearerToken(_ token: Span<UInt8>) -> Bool {
    var end = token.count
    while end > 0, token[end - 1] == UInt8(ascii: "=") { end -= 1 }
    guard end > 0 else { return false }
    for index in 0..<end {
      switch token[index] {
      case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "+"),
        UInt8(ascii: "/"):
        continue
      case let byte where !isAlphanumeric(byte): return false
      default: continue
      }
    }
    return true
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: false
    }
  }
}
