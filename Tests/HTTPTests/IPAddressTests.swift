import HTTP
import Testing

@Suite("IP addresses")
struct IPAddressTests {
  @Test(
    "One text for one address (RFC 5952)",
    arguments: [
      ("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"),
      ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
      ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
      ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"), ("0:0:0:4:5:6:7:8", "::4:5:6:7:8"), ("1:2:3:4:5:6::", "1:2:3:4:5:6::"),
      ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"), ("1::3:4:5:6:7:8", "1:0:3:4:5:6:7:8"), ("1:2::7:8", "1:2::7:8"),
      ("::ffff:10.1.2.3", "10.1.2.3"), ("::ffff:a01:203", "10.1.2.3"), ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
      ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"), ("fe80::1:0:0:0:1", "fe80:0:0:1::1"),
    ])
  func text(written: String, canonical: String) {
    #expect(IPAddress(written)?.text == canonical)
  }

  @Test(
    "What is not an address",
    arguments: [
      "", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", "0x1.2.3.4", "1.2.3.-4", ":", ":::", "1::2::3",
      "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4::5:6:7:8", "12345::", "g::", "::1%eth0", "[::1]", "1:", ":1",
      "1:2:3:4:5:6:7:1.2.3.4", "::1.2.3", "1.2.3.4::", "localhost",
    ])
  func refused(text: String) {
    #expect(IPAddress(text) == nil)
  }

  @Test("A block holds what shares its first bits")
  func blocks() throws {
    func block(_ text: String, _ length: Int) throws -> AddressBlock {
      let address = try #require(IPAddress(text))
      return try #require(AddressBlock(address, prefixLength: length))
    }
    func holds(_ block: AddressBlock, _ text: String) throws -> Bool { block.contains(try #require(IPAddress(text))) }
    #expect(try holds(try block("10.0.0.0", 8), "10.255.0.1"))
    #expect(try !holds(try block("10.0.0.0", 8), "11.0.0.0"))
    #expect(try holds(try block("10.0.0.0", 8), "::ffff:10.0.0.1"))
    #expect(try !holds(try block("10.0.0.0", 8), "a00::"))
    #expect(try holds(try block("0.0.0.0", 0), "255.1.2.3"))
    #expect(try !holds(try block("0.0.0.0", 0), "::1"))
    #expect(try holds(try block("::", 0), "1.2.3.4"))
    #expect(try holds(try block("2001:db8::", 32), "2001:db8:ffff::1"))
    #expect(try !holds(try block("2001:db8::", 32), "2001:db9::"))
    #expect(try holds(try block("2001:db8::", 64), "2001:db8::ffff:1"))
    #expect(try !holds(try block("2001:db8::", 64), "2001:db8:0:1::"))
    #expect(try holds(try block("2001:db8::8", 125), "2001:db8::f"))
    #expect(try !holds(try block("2001:db8::8", 125), "2001:db8::10"))
    #expect(try holds(try block("1.2.3.4", 32), "1.2.3.4"))
    #expect(try !holds(try block("1.2.3.4", 32), "1.2.3.5"))
    #expect(try holds(try block("::1", 128), "::1"))
  }

  @Test("Bits behind the prefix, and prefixes that are too long, make no block")
  func noBlocks() throws {
    let cases = [("10.0.0.1", 8), ("10.0.0.0", 33), ("10.0.0.0", -1), ("2001:db8::1", 64), ("::", 129)]
    for (text, length) in cases {
      #expect(AddressBlock(try #require(IPAddress(text)), prefixLength: length) == nil)
    }
  }
}
