/// What of a client's address tells it from others: all of IPv4; of IPv6 the first 64 bits, which one customer has alone
/// and within which anyone can have as many addresses as they like (RFC 6177).
enum AddressPrefix {
  /// - Parameter text: As the system writes addresses, without a port; empty for a unix domain socket.
  static func append(_ text: Span<UInt8>, to output: inout [UInt8]) {
    var colons = 0
    var lastColon = -1
    var hasDot = false
    for index in text.indices {
      if text[index] == UInt8(ascii: ":") {
        colons += 1
        lastColon = index
      }
      if text[index] == UInt8(ascii: ".") { hasDot = true }
    }
    // An IPv4 address, also one that an IPv6 socket reports: `::ffff:192.0.2.1`.
    if colons == 0 || hasDot {
      output.append(UInt8(ascii: "4"))
      for index in lastColon + 1..<text.count { output.append(text[index]) }
      return
    }
    output.append(UInt8(ascii: "6"))
    appendGroups(text, to: &output)
  }

  /// The first four groups, two bytes each.
  private static func appendGroups(_ text: Span<UInt8>, to output: inout [UInt8]) {
    var groups = InlineArray<8, UInt16>(repeating: 0)
    var count = 0
    // Where `::` stands: so many groups come before it.
    var gap = -1
    var index = 0
    while index < text.count, count < 8 {
      if text[index] == UInt8(ascii: ":") {
        if index + 1 < text.count, text[index + 1] == UInt8(ascii: ":") { gap = count }
        index += 1
        continue
      }
      while index < text.count, text[index] != UInt8(ascii: ":") {
        groups[count] = groups[count] << 4 | UInt16(digit(text[index]))
        index += 1
      }
      count += 1
    }
    for place in 0..<4 {
      let behind = count - gap
      var group: UInt16 = 0
      if gap < 0 || place < gap {
        group = place < count ? groups[place] : 0
      } else if place >= 8 - behind {
        group = groups[place - (8 - behind) + gap]
      }
      output.append(UInt8(truncatingIfNeeded: group >> 8))
      output.append(UInt8(truncatingIfNeeded: group))
    }
  }

  private static func digit(_ byte: UInt8) -> UInt8 {
    byte < UInt8(ascii: "A") ? byte & 0xF : (byte & 0xF) + 9
  }
}
