/// An IP address as 128 bits. An IPv4 address stands as `::ffff:a.b.c.d` (RFC 4291 §2.5.5.2): written either way, it is
/// the same.
public struct IPAddress: Hashable, Sendable {
  /// The first eight bytes, in network order.
  public let high: UInt64
  /// The last eight bytes, in network order.
  public let low: UInt64

  /// An address from its bits; of an IPv4 address, `init(ipv4:)` is simpler.
  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// - Parameter bits: The first number of the dotted form is in the highest byte: 127.0.0.1 is `0x7F00_0001`.
  public init(ipv4 bits: UInt32) {
    high = 0
    low = 0xFFFF_0000_0000 | UInt64(bits)
  }

  /// An IPv4 or IPv6 literal, without brackets, port and zone; nil where the range is anything else.
  public init?(_ bytes: Span<UInt8>, _ range: ByteRange) {
    if let bits = IPv4Text.parse(bytes, range.lowerBound, range.upperBound) {
      self.init(ipv4: bits)
    } else if let address = IPv6Text.parse(bytes, range.lowerBound, range.upperBound) {
      self = address
    } else {
      return nil
    }
  }

  /// An IPv4 or IPv6 literal, without brackets, port and zone; nil if the text is anything else.
  public init?(_ text: String) {
    let bytes = [UInt8](text.utf8)
    self.init(bytes.span, ByteRange(0, bytes.count))
  }

  /// Whether it is an IPv4 address, also if it was written as an IPv4-mapped IPv6 address.
  public var isIPv4: Bool { high == 0 && low >> 32 == 0xFFFF }

  /// What counts as one client: an IPv4 address, or a network of 64 bits, of which a host has as many addresses as it
  /// likes (RFC 4291 §2.5.4).
  public var counted: IPAddress { isIPv4 ? self : IPAddress(high: high, low: 0) }

  /// As RFC 5952 writes it: one text for one address.
  public var text: String {
    if isIPv4 {
      return "\(low >> 24 & 0xFF).\(low >> 16 & 0xFF).\(low >> 8 & 0xFF).\(low & 0xFF)"
    }
    let groups = (0..<8).map { index in
      UInt16(truncatingIfNeeded: (index < 4 ? high : low) >> UInt64(48 - 16 * (index & 3)))
    }
    // The longest row of two zeros or more, the first of several (RFC 5952 §4.2).
    var gap = 0..<0
    var index = 0
    while index < 8 {
      var end = index
      while end < 8, groups[end] == 0 { end += 1 }
      if end - index >= 2, end - index > gap.count { gap = index..<end }
      index = max(end, index + 1)
    }
    func join(_ part: ArraySlice<UInt16>) -> String {
      part.map { String($0, radix: 16) }.joined(separator: ":")
    }
    return gap.isEmpty ? join(groups[...]) : "\(join(groups[..<gap.lowerBound]))::\(join(groups[gap.upperBound...]))"
  }
}

/// The addresses that share their first bits (RFC 4632 §3.1, RFC 4291 §2.3).
public struct AddressBlock: Hashable, Sendable {
  private let network: IPAddress
  private let maskHigh: UInt64
  private let maskLow: UInt64

  /// - Parameter prefixLength: 0...32 of an IPv4 address, 0...128 of an IPv6 address.
  /// - Returns: nil where it is neither, or where bits behind the prefix are set.
  public init?(_ address: IPAddress, prefixLength: Int) {
    guard prefixLength >= 0, prefixLength <= (address.isIPv4 ? 32 : 128) else { return nil }
    let bits = address.isIPv4 ? prefixLength + 96 : prefixLength
    maskHigh = bits == 0 ? 0 : bits >= 64 ? .max : .max << UInt64(64 - bits)
    maskLow = bits <= 64 ? 0 : .max << UInt64(128 - bits)
    network = IPAddress(high: address.high & maskHigh, low: address.low & maskLow)
    guard network == address else { return nil }
  }

  /// Whether `other` has all of its addresses.
  public func isWithin(_ other: AddressBlock) -> Bool {
    other.contains(network) && maskHigh & other.maskHigh == other.maskHigh && maskLow & other.maskLow == other.maskLow
  }

  /// Whether `address` is in the block. As IPv4 addresses are compared in their IPv6 form, `::/0` contains them too.
  public func contains(_ address: IPAddress) -> Bool {
    address.high & maskHigh == network.high && address.low & maskLow == network.low
  }
}
