import Reason

/// `host [ ":" port ]` (RFC 9110 §7.2), without userinfo. A name has no empty label: `a..` is `a.` to some servers. It has
/// at most 255 bytes (RFC 1035 §2.3.4): no route compares longer ones.
struct Authority {
  /// Without one trailing dot.
  let host: ByteRange
  let port: UInt16?

  private static let hostBytesMax = 255
  /// With a trailing dot and the longest port.
  private static let bytesMax = hostBytesMax + 1 + 6

  init(_ bytes: Span<UInt8>, _ range: ByteRange) throws(HeadError) {
    let start = range.lowerBound
    let end = range.upperBound
    guard end > start, end - start <= Authority.bytesMax else { throw HeadError(.hostInvalid, at: start) }
    var index = start
    if bytes[start] == 0x5B {
      index += 1
      while index < end, ByteClass.hexadecimal(bytes[index]) != nil || bytes[index] == 0x3A || bytes[index] == 0x2E {
        index += 1
      }
      guard index < end, bytes[index] == 0x5D, IPv6Text.parse(bytes, start + 1, index) != nil else {
        throw HeadError(.hostInvalid, at: index)
      }
      index += 1
    } else {
      while index < end, Authority.isNameByte(bytes[index]) {
        if bytes[index] == 0x2E, index == start || bytes[index - 1] == 0x2E { throw HeadError(.hostInvalid, at: index) }
        index += 1
      }
      guard index > start else { throw HeadError(.hostInvalid, at: start) }
    }
    var hostEnd = index
    if bytes[hostEnd - 1] == 0x2E { hostEnd -= 1 }
    host = ByteRange(start, hostEnd)
    guard host.count <= Authority.hostBytesMax else { throw HeadError(.hostInvalid, at: start) }
    guard index < end else {
      port = nil
      return
    }
    guard bytes[index] == 0x3A, end - index > 1, end - index <= 6 else { throw HeadError(.hostInvalid, at: index) }
    var number: UInt32 = 0
    for place in index + 1..<end {
      guard ByteClass.isDigit(bytes[place]) else { throw HeadError(.hostInvalid, at: place) }
      number = number * 10 + UInt32(bytes[place] - 0x30)
    }
    guard number <= 65535 else { throw HeadError(.hostInvalid, at: index) }
    port = UInt16(number)
  }

  /// Letters, digits, `-`, `.`, `_`: what names have in practice.
  private static func isNameByte(_ byte: UInt8) -> Bool {
    ByteClass.isLetter(byte) || ByteClass.isDigit(byte) || byte == 0x2D || byte == 0x2E || byte == 0x5F
  }

  /// Whether both are the same, by case-insensitive name or by address, and by port.
  func names(_ bytes: Span<UInt8>, _ other: Authority, _ scheme: Scheme) -> Bool {
    let standard: UInt16 = scheme == .https ? 443 : 80
    guard port ?? standard == other.port ?? standard else { return false }
    if bytes[host.lowerBound] == 0x5B, bytes[other.host.lowerBound] == 0x5B {
      return address(bytes) == other.address(bytes)
    }
    guard host.count == other.host.count else { return false }
    for offset in 0..<host.count
    where ByteClass.lowered(bytes[host.lowerBound + offset])
      != ByteClass.lowered(bytes[other.host.lowerBound + offset])
    { return false }
    return true
  }

  private func address(_ bytes: Span<UInt8>) -> IPAddress? {
    IPAddress(host: bytes.extracting(host.lowerBound..<host.upperBound))
  }
}
