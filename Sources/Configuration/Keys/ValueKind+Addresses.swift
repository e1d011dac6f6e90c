import HTTP

extension ValueKind where Value == AddressBlock {
  /// `10.0.0.0/8`, or one address.
  static var addressBlock: ValueKind {
    .scalar(noun: "an address block", reference: "IP address, or a block such as `10.0.0.0/8`") {
      scalar throws(ValueFault) in
      try AddressBlockText.parse(scalar.text)
    }
  }
}

extension ValueKind where Value == TrustedPeer {
  /// An address block, or `unix` for whoever connects to a unix socket.
  static var trustedPeer: ValueKind {
    .scalar(noun: "an address block or unix", reference: "IP address, a block such as `10.0.0.0/8`, or `unix`") {
      scalar throws(ValueFault) in
      scalar.text == "unix" ? .unix : .block(try AddressBlockText.parse(scalar.text))
    }
  }
}

/// One entry of `trusted_proxies`.
enum TrustedPeer: Sendable {
  case block(AddressBlock)
  case unix
}

/// An address, or a network and the number of its bits (RFC 4632 §3.1).
enum AddressBlockText {
  static func parse(_ text: String) throws(ValueFault) -> AddressBlock {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let address = parts.first.flatMap({ IPAddress(String($0)) }) else {
      throw ValueFault("is not an IP address or block; write 10.0.0.0/8, 2001:db8::/32 or one address")
    }
    let most = address.isIPv4 ? 32 : 128
    guard parts.count == 2 else {
      guard let block = AddressBlock(address, prefixLength: most) else { throw ValueFault("is not an IP address") }
      return block
    }
    guard let number = WholeNumber.parse(parts[1]), let length = Int(exactly: number), length <= most else {
      throw ValueFault("needs a prefix length of 0 to \(most) after the slash")
    }
    guard let block = AddressBlock(address, prefixLength: length) else {
      // A slip of the pen here may let the wrong ones in: it is not rounded in silence.
      throw ValueFault("has bits set after its prefix of \(length); write the network's first address")
    }
    return block
  }
}
