import Testing

@testable import Configuration

@Suite("Texts")
struct TextTests {
  struct DurationRow: CustomTestStringConvertible {
    let text: String
    let milliseconds: Int64?
    var testDescription: String { text }
  }

  @Test(
    "Durations are a whole number and a unit",
    arguments: [
      DurationRow(text: "250ms", milliseconds: 250),
      DurationRow(text: "30s", milliseconds: 30_000),
      DurationRow(text: "10m", milliseconds: 600_000),
      DurationRow(text: "1h", milliseconds: 3_600_000),
      DurationRow(text: "30d", milliseconds: 2_592_000_000),
      DurationRow(text: "0", milliseconds: 0),
      DurationRow(text: "0s", milliseconds: 0),
      DurationRow(text: "30", milliseconds: nil),
      DurationRow(text: "", milliseconds: nil),
      DurationRow(text: "s", milliseconds: nil),
      DurationRow(text: "1.5s", milliseconds: nil),
      DurationRow(text: "-1s", milliseconds: nil),
      DurationRow(text: "+1s", milliseconds: nil),
      DurationRow(text: "01s", milliseconds: nil),
      DurationRow(text: "1 s", milliseconds: nil),
      DurationRow(text: "1S", milliseconds: nil),
      DurationRow(text: "1m30s", milliseconds: nil),
      DurationRow(text: "1w", milliseconds: nil),
      DurationRow(text: "٣s", milliseconds: nil),
      DurationRow(text: "9223372036854775807d", milliseconds: nil),
      DurationRow(text: "99999999999999999999s", milliseconds: nil),
    ])
  func durations(_ row: DurationRow) {
    #expect(DurationText.parse(row.text) == row.milliseconds.map { .milliseconds($0) })
  }

  struct SizeRow: CustomTestStringConvertible {
    let text: String
    let bytes: Int?
    var testDescription: String { text }
  }

  @Test(
    "Sizes are bytes, or a whole number and a unit of 1024",
    arguments: [
      SizeRow(text: "0", bytes: 0),
      SizeRow(text: "512", bytes: 512),
      SizeRow(text: "16KiB", bytes: 16_384),
      SizeRow(text: "1MiB", bytes: 1_048_576),
      SizeRow(text: "2GiB", bytes: 2_147_483_648),
      SizeRow(text: "", bytes: nil),
      SizeRow(text: "KiB", bytes: nil),
      SizeRow(text: "16KB", bytes: nil),
      SizeRow(text: "16K", bytes: nil),
      SizeRow(text: "16kib", bytes: nil),
      SizeRow(text: "1.5MiB", bytes: nil),
      SizeRow(text: "-1", bytes: nil),
      SizeRow(text: "016", bytes: nil),
      SizeRow(text: "0x10", bytes: nil),
      SizeRow(text: "9223372036854775807KiB", bytes: nil),
    ])
  func sizes(_ row: SizeRow) {
    #expect(SizeText.parse(row.text) == row.bytes)
  }

  @Test(
    "What is written reads as the same value",
    arguments: ["250ms", "30s", "90s", "10m", "1h", "30d", "0s"])
  func durationsRoundTrip(_ text: String) {
    #expect(DurationText.parse(text).map(DurationText.write) == text)
  }

  @Test("What is written reads as the same size", arguments: ["0", "1", "1500", "16KiB", "1025", "3MiB", "1GiB"])
  func sizesRoundTrip(_ text: String) {
    #expect(SizeText.parse(text).map(SizeText.write) == text)
  }

  struct HintRow: CustomTestStringConvertible {
    let word: String
    let nearest: String?
    var testDescription: String { word }
  }

  @Test(
    "The nearest word is found, and no far one",
    arguments: [
      HintRow(word: "isuer", nearest: "issuer"),
      HintRow(word: "issuers", nearest: "issuer"),
      HintRow(word: "Issuer", nearest: "issuer"),
      HintRow(word: "isseur", nearest: "issuer"),
      HintRow(word: "audience", nearest: "audiences"),
      HintRow(word: "jwks-url", nearest: "jwks_url"),
      HintRow(word: "jwksurl", nearest: "jwks_url"),
      HintRow(word: "jwks_urls", nearest: "jwks_url"),
      HintRow(word: "claim", nearest: "claims"),
      HintRow(word: "ac", nearest: "ca"),
      HintRow(word: "x", nearest: nil),
      HintRow(word: "secret", nearest: nil),
      HintRow(word: "banana", nearest: nil),
      HintRow(word: "", nearest: nil),
    ])
  func hints(_ row: HintRow) {
    #expect(NearestWord.find(row.word, in: ProviderDraft.keys.keys.map(\.name)) == row.nearest)
  }

  @Test(
    "IPv4 literals are four plain decimal numbers",
    arguments: [
      ("127.0.0.1", true), ("0.0.0.0", true), ("255.255.255.255", true), ("256.0.0.1", false), ("127.1", false),
      ("127.0.0.01", false), ("1.2.3.4.5", false), ("0x7f.0.0.1", false), ("", false), ("1.2.3.", false),
    ])
  func ipv4(_ text: String, isLiteral: Bool) {
    #expect(IPLiteral.isIPv4(text) == isLiteral)
  }

  @Test(
    "RFC 4291 §2.2: IPv6 literals",
    arguments: [
      ("::", true), ("::1", true), ("1::", true), ("fe80::1:2", true), ("1:2:3:4:5:6:7:8", true),
      ("1:2:3:4:5:6:7::", true), ("::ffff:10.0.0.1", true), ("1:2:3:4:5:6:10.0.0.1", true), ("2001:DB8::A", true),
      ("1:2:3:4:5:6:7", false), ("1:2:3:4:5:6:7:8:9", false), ("1::2::3", false), (":1", false), ("1:", false),
      ("1:2:3:4:5:6:7:8::", false), ("12345::", false), ("g::", false), ("::1%eth0", false), ("10.0.0.1::", false),
      ("", false), (":::", false), ("+1::", false),
    ])
  func ipv6(_ text: String, isLiteral: Bool) {
    #expect(IPLiteral.isIPv6(text) == isLiteral)
  }

  @Test(
    "What never leaves the machine",
    arguments: [
      ("localhost", true), ("LocalHost", true), ("127.0.0.1", true), ("127.255.0.9", true), ("::1", true),
      ("0::1", true),
      ("128.0.0.1", false), ("10.127.0.1", false), ("::", false), ("::2", false), ("1::1", false),
      ("::127.0.0.1", false),
      ("::ffff:127.0.0.1", false), ("127.1", false), ("localhost.example.com", false), ("", false),
    ])
  func loopback(_ text: String, isLoopback: Bool) { #expect(IPLiteral.isLoopback(text) == isLoopback) }

  @Test(
    "Addresses of issuers",
    arguments: [
      ("https://id.example.com", true), ("https://id.example.com:8443/realms/main?x=1", true),
      ("http://127.0.0.1:8080", true), ("http://127.9.9.9", true), ("http://localhost/", true),
      ("http://[::1]:1", true),
      ("http://id.example.com", false), ("http://10.0.0.1", false), ("http://localhost.example.com", false),
      ("ftp://id.example.com", false), ("id.example.com", false), ("https://", false), ("https:///path", false),
      ("https://user@id.example.com", false), ("https://id.example.com/#x", false), ("https://id example", false),
      ("HTTPS://id.example.com", false), ("https://id.example.com:0", false), ("https://id.example.com:70000", false),
      ("https://[::1", false), ("http://127.0.0.1.example.com", false), ("http://127.0.0.1@example.com", false),
    ])
  func webAddresses(_ text: String, isFetched: Bool) {
    #expect((WebAddress(text)?.isProtected ?? false) == isFetched)
  }
}
