import Configuration

/// Where a browser goes on after it has signed in: a place on the same host, or `/` (SECURITY C-4).
enum ReturnTo {
  /// `text`, where it is a path that every browser takes for one of this host; else `/`.
  static func checked(_ text: String?) -> String {
    guard let text, isPath(text) else { return "/" }
    return text
  }

  private static func isPath(_ text: String) -> Bool {
    let bytes = text.utf8Span.span
    guard bytes.count > 0, bytes.count <= SignInConfiguration.returnToBytesMax, bytes[0] == UInt8(ascii: "/") else {
      return false
    }
    // `//host` and `/\host` are other hosts to browsers.
    if bytes.count > 1, bytes[1] == UInt8(ascii: "/") { return false }
    for index in bytes.indices {
      switch bytes[index] {
      case 0...0x20, UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "<"), UInt8(ascii: ">"), 0x7F...: return false
      default: break
      }
    }
    return !hasEncodedTrap(bytes)
  }

  /// What is decoded once more on the way may turn into another host, or into a line of its own.
  private static func hasEncodedTrap(_ bytes: Span<UInt8>) -> Bool {
    var index = 0
    while index < bytes.count, bytes[index] != UInt8(ascii: "?") {
      if bytes[index] == UInt8(ascii: "%") {
        guard index + 2 < bytes.count, let high = digit(bytes[index + 1]), let low = digit(bytes[index + 2]) else {
          return true
        }
        let byte = high << 4 | low
        if byte < 0x20 || byte == 0x7F || byte == UInt8(ascii: "\\") { return true }
        if byte == UInt8(ascii: "/") || byte == 0x20, index <= 1 { return true }
      }
      index += 1
    }
    return false
  }

  static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
