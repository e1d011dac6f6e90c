import JSON
import TestSupport
import Testing

@testable import Telemetry

/// A line of the epoch with one text, without its end.
private func line<Format: LineFormat>(_ bytes: [UInt8], _: Format.Type) -> [UInt8] {
  var encoder = LineEncoder<Format>()
  encoder.begin(at: 0)
  encoder.add("k", bytes.span)
  encoder.end()
  #expect(encoder.line.last == 0x0A)
  return encoder.line.dropLast()
}

/// What one text makes of such a line, behind the time.
private func pair(_ bytes: [UInt8], _ format: any LineFormat.Type) -> String {
  let line = text(line(bytes, format))
  let (before, behind) = format.isJSON ? ("{\"time\":\"\(epoch)\",", "}") : ("time=\(epoch) ", "")
  #expect(line.hasPrefix(before) && line.hasSuffix(behind))
  return String(line.dropFirst(before.count).dropLast(behind.count))
}

private let epoch = "1970-01-01T00:00:00.000000Z"

extension LineEncoder {
  fileprivate var line: [UInt8] { withLine { line in line.indices.map { line[$0] } } }
}

private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

@Suite("Log lines")
struct LineEncoderTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let bytes: [UInt8]
    /// What stands between the quotes.
    let escaped: String
    var testDescription: String { escaped }

    init(_ input: String, _ escaped: String) {
      bytes = Array(input.utf8)
      self.escaped = escaped
    }

    init(bytes: [UInt8], _ escaped: String) {
      self.bytes = bytes
      self.escaped = escaped
    }
  }

  static let rows = [
    Row("a b", "a b"), Row("a\"b", "a\\\"b"), Row("a\\ b", "a\\\\ b"), Row("a\r\nb", "a\\u000d\\u000ab"),
    Row("\t", "\\u0009"), Row("\u{0}", "\\u0000"), Row("\u{1F}", "\\u001f"), Row("\u{7F}", "\\u007f"),
    Row("\u{1B}[31m", "\\u001b[31m"),
    // C1, and what some readers take for the end of a line.
    Row("\u{80}\u{85}\u{9F}", "\\u0080\\u0085\\u009f"), Row("\u{A0}", "\u{A0}"),
    Row("\u{2028}\u{2029}", "\\u2028\\u2029"),
    Row("\u{2027}\u{202A}", "\u{2027}\u{202A}"), Row("é€😀", "é€😀"), Row("\u{FFFF}\u{10FFFF}", "\u{FFFF}\u{10FFFF}"),
    // No UTF-8 (RFC 3629 §3, §4).
    Row(bytes: [0xFF], "\u{FFFD}"), Row(bytes: [0xC3], "\u{FFFD}"), Row(bytes: [0xC3, 0x28], "\u{FFFD}("),
    Row(bytes: [0xC0, 0xAF], "\u{FFFD}\u{FFFD}"), Row(bytes: [0xE0, 0x80, 0xAF], "\u{FFFD}\u{FFFD}\u{FFFD}"),
    Row(bytes: [0xED, 0xA0, 0x80], "\u{FFFD}\u{FFFD}\u{FFFD}"),
    Row(bytes: [0xF4, 0x90, 0x80, 0x80, 0x20], "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD} "),
    Row(bytes: [0x80, 0x0A], "\u{FFFD}\\u000a"), Row(bytes: [0xE2, 0x80], "\u{FFFD}\u{FFFD}"),
    Row(bytes: [0xF0, 0x9F, 0x98], "\u{FFFD}\u{FFFD}\u{FFFD}"),
  ]

  @Test("L-1: control characters, C1, U+2028 and bad UTF-8 are escaped", arguments: rows)
  func escapes(_ row: Row) {
    #expect(pair(row.bytes, JSONFormat.self) == "\"k\":\"\(row.escaped)\"")
    #expect(pair(row.bytes, LogfmtFormat.self) == "k=\"\(row.escaped)\"")
  }

  @Test("A value is bare in logfmt where nothing in it needs quotes")
  func bare() {
    #expect(pair(Array("/a-b?c\\".utf8), LogfmtFormat.self) == "k=/a-b?c\\")
    #expect(pair(Array("a=b".utf8), LogfmtFormat.self) == "k=\"a=b\"")
    #expect(pair([], LogfmtFormat.self) == "k=\"\"")
    #expect(pair(Array("/a-b".utf8), JSONFormat.self) == "\"k\":\"/a-b\"")
  }

  @Test("A value is bounded, and says so")
  func bounded() {
    let max = LineLimits.valueBytesMax
    let whole = String(repeating: "x", count: max)
    #expect(pair(Array(whole.utf8), JSONFormat.self) == "\"k\":\"\(whole)\"")
    #expect(pair(Array((whole + "y").utf8), JSONFormat.self) == "\"k\":\"\(whole)…\"")
    #expect(pair(Array((whole + "y").utf8), LogfmtFormat.self) == "k=\"\(whole)…\"")
    // A character that the bound cuts is none any more.
    let cut = pair(Array((whole.dropLast() + "é").utf8), JSONFormat.self)
    #expect(cut == "\"k\":\"\(whole.dropLast())\u{FFFD}…\"")
  }

  @Test("A string is written as its UTF-8 is, whatever its length and where its bytes are")
  func strings() {
    let max = LineLimits.valueBytesMax
    let lengths = [0, 1, 7, 8, 15, 16, 17, max - 1, max, max + 1]
    for text in lengths.map({ String(repeating: "x", count: $0) }) + ["a\"", "é", String(repeating: "é", count: max)] {
      func check<Format: LineFormat>(_: Format.Type) {
        var ofText = LineEncoder<Format>()
        var ofBytes = LineEncoder<Format>()
        ofText.begin(at: 0)
        ofText.add("k", text)
        ofBytes.begin(at: 0)
        ofBytes.add("k", Array(text.utf8).span)
        #expect(ofText.line == ofBytes.line)
      }
      check(JSONFormat.self)
      check(LogfmtFormat.self)
    }
  }

  @Test("Numbers, times and ids; one line after the other")
  func kinds() {
    var encoder = LineEncoder<JSONFormat>()
    for _ in 0..<2 {
      encoder.begin(at: 1_700_000_000_000_123_456)
      encoder.add("id", hexadecimal: 0x0123_4567_89AB_CDEF, 1)
      encoder.add("least", Int64.min)
      encoder.add("zero", Int64(0))
      encoder.add("most", UInt64.max)
      encoder.add("text", "a")
      encoder.end()
    }
    #expect(
      text(encoder.line) == "{\"time\":\"2023-11-14T22:13:20.000123Z\",\"id\":\"0123456789abcdef0000000000000001\","
        + "\"least\":-9223372036854775808,\"zero\":0,\"most\":18446744073709551615,\"text\":\"a\"}\n")
    var logfmt = LineEncoder<LogfmtFormat>()
    logfmt.begin(at: 0)
    logfmt.add("id", hexadecimal: 0, .max)
    logfmt.add("n", Int64(-7))
    logfmt.end()
    #expect(text(logfmt.line) == "time=\(epoch) id=0000000000000000ffffffffffffffff n=-7\n")
  }

  @Test("A line is as long as it has to be")
  func long() throws {
    var encoder = LineEncoder<JSONFormat>()
    encoder.begin(at: 0)
    let value = [UInt8](repeating: 0x1F, count: LineLimits.valueBytesMax)
    for _ in 2..<LineLimits.pairsMax { encoder.add("k", value.span) }
    encoder.add("last", Int64(7))
    encoder.end()
    let escaped = String(repeating: "\\u001f", count: value.count)
    let pairs = Array(repeating: "\"k\":\"\(escaped)\"", count: LineLimits.pairsMax - 2)
    #expect(text(encoder.line) == "{\"time\":\"\(epoch)\"," + pairs.joined(separator: ",") + ",\"last\":7}\n")
    encoder.begin(at: 0)
    encoder.end()
    #expect(text(encoder.line) == "{\"time\":\"\(epoch)\"}\n")
  }

  @Test("The time that follows another one keeps nothing of it")
  func times() {
    let moments: [(Int64, String)] = [
      (1_700_000_000_999_999_999, "2023-11-14T22:13:20.999999Z"),
      (1_700_000_000_000_000_999, "2023-11-14T22:13:20.000000Z"),
      (1_700_000_001_000_001_000, "2023-11-14T22:13:21.000001Z"), (0, "1970-01-01T00:00:00.000000Z"),
      (951_782_399_123_456_789, "2000-02-28T23:59:59.123456Z"),
      (951_782_400_000_000_000, "2000-02-29T00:00:00.000000Z"),
    ]
    var encoder = LineEncoder<LogfmtFormat>()
    for (moment, expected) in moments {
      encoder.begin(at: moment)
      encoder.end()
      #expect(text(encoder.line) == "time=\(expected)\n")
      #expect(Timestamp.text(moment) == expected)
    }
  }

  @Test("L-1: any bytes become one line that can be parsed")
  func anyBytes() throws {
    var random = SeededGenerator(seed: 1)
    for _ in 0..<3000 {
      let bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in
        // Often such as begin and go on with a sequence.
        Bool.random(using: &random)
          ? UInt8.random(in: .min ... .max, using: &random)
          : [0xC2, 0xE2, 0x80, 0xA8, 0x85, 0xED, 0xF0, 0x22, 0x5C, 0x0A].randomElement(using: &random) ?? 0
      }
      for format: any LineFormat.Type in [JSONFormat.self, LogfmtFormat.self] {
        let written = line(bytes, format)
        let scalars = text(written).unicodeScalars
        #expect(
          !scalars.contains {
            $0.value < 0x20 || (0x7F..<0xA0).contains($0.value) || $0 == "\u{2028}" || $0 == "\u{2029}"
          })
        #expect(Array(text(written).utf8) == written, "it is UTF-8")
      }
      let parsed = try JSON.parse(line(bytes, JSONFormat.self).span)
      #expect(parsed.object?["k"]?.string != nil)
    }
  }

  @Test("Any text comes back as it was")
  func anyText() throws {
    var random = SeededGenerator(seed: 2)
    for _ in 0..<1000 {
      var scalars = String.UnicodeScalarView()
      for _ in 0..<Int.random(in: 0...20, using: &random) {
        let most: UInt32 = Bool.random(using: &random) ? 0xFF : 0x10FFFF
        if let scalar = Unicode.Scalar(UInt32.random(in: 0...most, using: &random)) { scalars.append(scalar) }
      }
      let parsed = try JSON.parse(line(Array(String(scalars).utf8), JSONFormat.self).span)
      let read = try #require(parsed.object?["k"]?.string)
      #expect(Array(read.utf8) == Array(String(scalars).utf8))
    }
  }
}
