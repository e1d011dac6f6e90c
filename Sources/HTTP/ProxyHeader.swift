/// The header that a load balancer sends before anything else, to say whose connection it passes on: the PROXY protocol,
/// versions 1 and 2 (haproxy.org/download/2.9/doc/proxy-protocol.txt).
public struct ProxyHeader: Equatable, Sendable {
  /// Bytes of the header.
  public let length: Int
  /// Nil where the sender speaks for itself (`LOCAL`, as health checks do), or does not know (`UNKNOWN`, unix sockets).
  public let endpoints: Endpoints?

  /// What the header says of the connection that is passed on.
  public struct Endpoints: Equatable, Sendable {
    /// The address that the connection comes from.
    public let client: IPAddress
    /// The port that the client connected to.
    public let destinationPort: UInt16
  }

  /// Not even the longest header is that long: one of version 2 may carry further values, which are skipped.
  public static let lengthMax = 4096

  /// The header at the start of `bytes`; nil while it is incomplete.
  public static func parse(_ bytes: Span<UInt8>) throws(ProxyHeaderError) -> ProxyHeader? {
    if bytes.isEmpty { return nil }
    return bytes[0] == preamble[0] ? try parseBinary(bytes) : try parseText(bytes)
  }

  // MARK: Version 1

  private static let textLengthMax = 107

  private static func parseText(_ bytes: Span<UInt8>) throws(ProxyHeaderError) -> ProxyHeader? {
    try expect([UInt8]("PROXY ".utf8), in: bytes)
    var end = 0
    while end < min(bytes.count, textLengthMax), bytes[end] != 0x0D {
      guard bytes[end] != 0x0A else { throw ProxyHeaderError() }
      end += 1
    }
    guard end + 2 <= textLengthMax else { throw ProxyHeaderError() }
    guard end + 1 < bytes.count else { return nil }
    guard bytes[end + 1] == 0x0A else { throw ProxyHeaderError() }
    var words: [ByteRange] = []
    var start = "PROXY ".utf8.count
    for index in start...end where index == end || bytes[index] == 0x20 {
      words.append(ByteRange(start, index))
      start = index + 1
    }
    guard let family = words.first else { throw ProxyHeaderError() }
    // Whatever follows UNKNOWN says nothing.
    if isWord("UNKNOWN", bytes, family) { return ProxyHeader(length: end + 2, endpoints: nil) }
    let isIPv4 = isWord("TCP4", bytes, family)
    guard isIPv4 || isWord("TCP6", bytes, family), words.count == 5,
      let client = address(bytes, words[1], isIPv4: isIPv4), address(bytes, words[2], isIPv4: isIPv4) != nil,
      port(bytes, words[3]) != nil, let destinationPort = port(bytes, words[4])
    else { throw ProxyHeaderError() }
    return ProxyHeader(length: end + 2, endpoints: Endpoints(client: client, destinationPort: destinationPort))
  }

  private static func isWord(_ word: String, _ bytes: Span<UInt8>, _ range: ByteRange) -> Bool {
    guard range.count == word.utf8.count else { return false }
    for (offset, byte) in word.utf8.enumerated() where bytes[range.lowerBound + offset] != byte { return false }
    return true
  }

  private static func address(_ bytes: Span<UInt8>, _ range: ByteRange, isIPv4: Bool) -> IPAddress? {
    if isIPv4 { return IPv4Text.parse(bytes, range.lowerBound, range.upperBound).map { IPAddress(ipv4: $0) } }
    return IPv6Text.parse(bytes, range.lowerBound, range.upperBound)
  }

  private static func port(_ bytes: Span<UInt8>, _ range: ByteRange) -> UInt16? {
    PortText.parse(bytes, range.lowerBound, range.upperBound)
  }

  // MARK: Version 2

  private static let preamble: [UInt8] = [
    0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
  ]
  private static let fixedLength = 16

  private static func parseBinary(_ bytes: Span<UInt8>) throws(ProxyHeaderError) -> ProxyHeader? {
    try expect(preamble, in: bytes)
    guard bytes.count >= fixedLength else { return nil }
    let length = fixedLength + Int(number(bytes, at: 14, bytes: 2))
    guard length <= lengthMax else { throw ProxyHeaderError() }
    guard bytes.count >= length else { return nil }
    switch bytes[12] {
    case 0x20: return ProxyHeader(length: length, endpoints: nil)
    case 0x21: return ProxyHeader(length: length, endpoints: try endpoints(bytes, length))
    default: throw ProxyHeaderError()
    }
  }

  /// What the address block says: both addresses, then both ports. Nil of a family without any.
  private static func endpoints(_ bytes: Span<UInt8>, _ length: Int) throws(ProxyHeaderError) -> Endpoints? {
    let start = fixedLength
    switch bytes[13] {
    case 0x11:
      guard length >= start + 12 else { throw ProxyHeaderError() }
      return Endpoints(
        client: IPAddress(ipv4: UInt32(truncatingIfNeeded: number(bytes, at: start, bytes: 4))),
        destinationPort: UInt16(truncatingIfNeeded: number(bytes, at: start + 10, bytes: 2)))
    case 0x21:
      guard length >= start + 36 else { throw ProxyHeaderError() }
      return Endpoints(
        client: IPAddress(
          high: number(bytes, at: start, bytes: 8), low: number(bytes, at: start + 8, bytes: 8)),
        destinationPort: UInt16(truncatingIfNeeded: number(bytes, at: start + 34, bytes: 2)))
    case 0x00, 0x31: return nil
    // Datagrams, and what no one has defined.
    default: throw ProxyHeaderError()
    }
  }

  /// In network order.
  private static func number(_ bytes: Span<UInt8>, at start: Int, bytes count: Int) -> UInt64 {
    var value: UInt64 = 0
    for index in start..<start + count { value = value << 8 | UInt64(bytes[index]) }
    return value
  }

  /// Throws where what has come so far is no beginning of `beginning`.
  private static func expect(_ beginning: [UInt8], in bytes: Span<UInt8>) throws(ProxyHeaderError) {
    for index in 0..<min(beginning.count, bytes.count) where bytes[index] != beginning[index] {
      throw ProxyHeaderError()
    }
  }
}

/// What came is no PROXY header, or one of a connection that cannot be.
public struct ProxyHeaderError: Error, Equatable {}
