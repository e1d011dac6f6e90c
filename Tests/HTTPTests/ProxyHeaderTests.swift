import HTTP
import Testing

@Suite("The PROXY protocol")
struct ProxyHeaderTests {
  static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]

  enum Outcome: Equatable {
    case incomplete, refused
    case header(length: Int, client: String?, port: UInt16?)
  }

  static func outcome(_ bytes: [UInt8]) -> Outcome {
    do throws(ProxyHeaderError) {
      guard let header = try ProxyHeader.parse(bytes.span) else { return .incomplete }
      return .header(
        length: header.length, client: header.endpoints?.client.text, port: header.endpoints?.destinationPort)
    } catch {
      return .refused
    }
  }

  /// A header of version 2.
  static func binary(_ command: UInt8, _ family: UInt8, _ payload: [UInt8], length: Int? = nil) -> [UInt8] {
    let length = length ?? payload.count
    return signature + [command, family, UInt8(length >> 8), UInt8(length & 0xFF)] + payload
  }

  static let ipv4: [UInt8] = [192, 0, 2, 1, 10, 0, 0, 1, 0xC0, 0x00, 0x01, 0xBB]
  static let ipv6: [UInt8] =
    [0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [1] + [UInt8](repeating: 0, count: 15) + [1]
    + [0xC0, 0x00, 0x01, 0xBB]

  @Test(
    "Version 1: good",
    arguments: [
      ("PROXY TCP4 192.0.2.1 10.0.0.1 49152 443\r\n", "192.0.2.1", 443),
      ("PROXY TCP6 2001:DB8::1 ::1 49152 8443\r\n", "2001:db8::1", 8443),
      ("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", "0.0.0.0", 0),
    ])
  func text(header: String, client: String, port: UInt16) {
    let bytes = [UInt8]((header + "GET").utf8)
    #expect(Self.outcome(bytes) == .header(length: header.utf8.count, client: client, port: port))
    for count in 0..<header.utf8.count { #expect(Self.outcome(Array(bytes[..<count])) == .incomplete) }
  }

  @Test(
    "Version 1: the sender does not know",
    arguments: ["PROXY UNKNOWN\r\n", "PROXY UNKNOWN ffff::1 whatever 1 2\r\n"])
  func unknown(header: String) {
    #expect(Self.outcome([UInt8](header.utf8)) == .header(length: header.utf8.count, client: nil, port: nil))
  }

  @Test(
    "Version 1: refused",
    arguments: [
      "GET / HTTP/1.1\r\n", "PROXY\r\n", "PROXY \r\n", "proxy TCP4 1.1.1.1 2.2.2.2 1 2\r\n",
      "PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n", "PROXY TCP4 1.1.1.1 2.2.2.2 1 2\rX", "PROXY TCP4  1.1.1.1 2.2.2.2 1 2\r\n",
      "PROXY TCP4 1.1.1.1 2.2.2.2 1 2 \r\n", "PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n", "PROXY TCP4 ::1 ::1 1 2\r\n",
      "PROXY TCP6 1.1.1.1 2.2.2.2 1 2\r\n", "PROXY TCP4 1.1.1.1 2.2.2.2 01 2\r\n",
      "PROXY TCP4 1.1.1.1 2.2.2.2 1 65536\r\n",
      "PROXY TCP4 1.1.1.1 2.2.2.2 1 -2\r\n", "PROXY TCP4 1.1.1 2.2.2.2 1 2\r\n", "PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n",
      "PROXY UNKNOWNX\r\n", "PROXY UNKNOWN " + String(repeating: "a", count: 100) + "\r\n",
      "PROXY TCP4 1.1.1.1\t2.2.2.2 1 2\r\n", "\r\nPROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n",
    ])
  func textRefused(header: String) {
    #expect(Self.outcome([UInt8](header.utf8)) == .refused)
  }

  @Test("Version 1: 107 bytes and no more")
  func textLength() {
    let longest = "PROXY UNKNOWN " + String(repeating: "a", count: 107 - 16) + "\r\n"
    #expect(Self.outcome([UInt8](longest.utf8)) == .header(length: 107, client: nil, port: nil))
    #expect(Self.outcome([UInt8](longest.utf8.dropLast(1))) == .incomplete)
    #expect(Self.outcome([UInt8]("PROXY UNKNOWN ".utf8) + [UInt8](repeating: 0x61, count: 100)) == .refused)
  }

  @Test("Version 2: good, in pieces too, and with values behind the addresses")
  func binary() {
    let cases: [(bytes: [UInt8], client: String?)] = [
      (Self.binary(0x21, 0x11, Self.ipv4), "192.0.2.1"),
      (Self.binary(0x21, 0x21, Self.ipv6), "2001:db8::1"),
      (Self.binary(0x21, 0x11, Self.ipv4 + [0x04, 0, 3, 0, 0, 0]), "192.0.2.1"),
      (Self.binary(0x20, 0x00, []), nil),
      (Self.binary(0x20, 0x11, Self.ipv4), nil),
      (Self.binary(0x21, 0x00, [1, 2, 3]), nil),
      (Self.binary(0x21, 0x31, [UInt8](repeating: 0, count: 216)), nil),
    ]
    for (bytes, client) in cases {
      let header = Outcome.header(length: bytes.count, client: client, port: client == nil ? nil : 443)
      #expect(Self.outcome(bytes + [0x47]) == header)
      for count in 0..<bytes.count { #expect(Self.outcome(Array(bytes[..<count])) == .incomplete) }
    }
  }

  @Test("Version 2: refused")
  func binaryRefused() {
    #expect(Self.outcome(Self.binary(0x11, 0x11, Self.ipv4)) == .refused, "version 1 in binary")
    #expect(Self.outcome(Self.binary(0x22, 0x11, Self.ipv4)) == .refused, "an unknown command")
    #expect(Self.outcome(Self.binary(0x21, 0x12, Self.ipv4)) == .refused, "datagrams")
    #expect(Self.outcome(Self.binary(0x21, 0x41, Self.ipv4)) == .refused, "an unknown family")
    #expect(Self.outcome(Self.binary(0x21, 0x11, Array(Self.ipv4.dropLast()))) == .refused, "too short")
    #expect(Self.outcome(Self.binary(0x21, 0x21, Self.ipv4)) == .refused, "too short for its family")
    #expect(Self.outcome(Self.binary(0x21, 0x11, [], length: 5000)) == .refused, "longer than any")
    #expect(Self.outcome(Array(Self.signature.dropLast()) + [0x0B]) == .refused, "another signature")
  }
}
