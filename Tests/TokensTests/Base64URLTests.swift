import Testing
import Tokens

@Suite("T-4: base64url, canonical")
struct Base64URLTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let what: String
    let text: String
    let bytes: [UInt8]?
    var testDescription: String { "\(what): \"\(text)\"" }
  }

  // RFC 4648 §10 without padding, and the two letters that differ from base64.
  static let rows = [
    Row(what: "nothing", text: "", bytes: []),
    Row(what: "one byte", text: "Zg", bytes: Array("f".utf8)),
    Row(what: "two bytes", text: "Zm8", bytes: Array("fo".utf8)),
    Row(what: "three bytes", text: "Zm9v", bytes: Array("foo".utf8)),
    Row(what: "six bytes", text: "Zm9vYmFy", bytes: Array("foobar".utf8)),
    Row(what: "both last letters", text: "-_-_", bytes: [0xFB, 0xFF, 0xBF]),
    Row(what: "a single letter", text: "Z", bytes: nil),
    Row(what: "a single letter more", text: "Zm9vY", bytes: nil),
    Row(what: "padding", text: "Zg==", bytes: nil),
    Row(what: "one padding", text: "Zm8=", bytes: nil),
    Row(what: "padding alone", text: "====", bytes: nil),
    Row(what: "base64's plus", text: "+_-_", bytes: nil),
    Row(what: "base64's slash", text: "-/-_", bytes: nil),
    Row(what: "a space", text: "Zm9 ", bytes: nil),
    Row(what: "a line end inside", text: "Zm9v\nYmFy", bytes: nil),
    Row(what: "NUL", text: "Zm9\0", bytes: nil),
    Row(what: "a letter that is not ASCII", text: "Zm9é", bytes: nil),
    Row(what: "a bad letter in the rest", text: "Zm9vZ!", bytes: nil),
    Row(what: "unused bits of one byte", text: "Zh", bytes: nil),
    Row(what: "unused bits of two bytes", text: "Zm9", bytes: nil),
    Row(what: "the highest unused bit", text: "Zo", bytes: nil),
  ]

  @Test("RFC 4648 §5, §3.5", arguments: rows)
  func decode(row: Row) {
    #expect(Base64URL.decode(row.text) == row.bytes)
  }

  @Test("Every length comes back, and no other text stands for it", arguments: 0..<9)
  func roundTrip(count: Int) throws {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 151 + 200) }
    let text = Base64URL.encode(bytes.span)
    #expect(Base64URL.decode(text.span) == bytes)
    for place in text.indices {
      for byte in UInt8.min...UInt8.max where byte != text[place] {
        var other = text
        other[place] = byte
        #expect(Base64URL.decode(other.span) != bytes)
      }
    }
  }
}
