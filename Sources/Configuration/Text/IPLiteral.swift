/// IP addresses as text. Only literals: no name is ever looked up here.
enum IPLiteral {
  /// Four decimal numbers, none with a leading zero (which some programs read as octal).
  static func ipv4(_ text: some StringProtocol) -> [UInt8]? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var bytes: [UInt8] = []
    for part in parts {
      guard let number = WholeNumber.parse(part), let byte = UInt8(exactly: number) else { return nil }
      bytes.append(byte)
    }
    return bytes
  }

  /// RFC 4291 §2.2: groups of hexadecimal digits, at most one `::`, at the end perhaps an IPv4 address. No zone.
  static func ipv6(_ text: some StringProtocol) -> [UInt8]? {
    let text = String(text)
    guard let gap = text.firstRange(of: "::") else {
      let bytes = groups(Substring(text))
      return bytes?.count == 16 ? bytes : nil
    }
    let (left, right) = (text[..<gap.lowerBound], text[gap.upperBound...])
    guard let head = left.isEmpty ? [] : groups(left), let tail = right.isEmpty ? [] : groups(right),
      head.count + tail.count <= 14
    else { return nil }
    // An IPv4 address may stand at the very end only.
    guard !left.contains(".") else { return nil }
    return head + [UInt8](repeating: 0, count: 16 - head.count - tail.count) + tail
  }

  /// Whether `host` (a literal without brackets, or `localhost`) never leaves the machine.
  static func isLoopback(_ host: some StringProtocol) -> Bool {
    if host.lowercased() == "localhost" { return true }
    if let bytes = ipv4(host) { return bytes[0] == 127 }
    return ipv6(host) == [UInt8](repeating: 0, count: 15) + [1]
  }

  private static func groups(_ text: Substring) -> [UInt8]? {
    var bytes: [UInt8] = []
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    for (index, part) in parts.enumerated() {
      if index == parts.count - 1, part.contains(".") {
        guard let address = ipv4(part) else { return nil }
        bytes += address
      } else {
        guard (1...4).contains(part.utf8.count), part.utf8.allSatisfy(isHexadecimalDigit),
          let group = UInt16(part, radix: 16)
        else { return nil }
        bytes += [UInt8(group >> 8), UInt8(group & 0xFF)]
      }
    }
    return bytes
  }

  private static func isHexadecimalDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
      UInt8(ascii: "A")...UInt8(ascii: "F"):
      true
    default: false
    }
  }
}
