import JSON
import Testing

private func parse(_ text: String, depthMax: Int = 16) throws(JSONError) -> JSONValue {
  try JSON.parse(Array(text.utf8).span, depthMax: depthMax)
}

@Suite("JSON texts")
struct JSONTests {
  @Test(arguments: [
    ("null", JSONValue.null), ("true", .bool(true)), (" 7 ", .integer(7)), ("-0", .integer(0)),
    ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)), ("1.5", .number(1.5)),
    ("1e3", .number(1000)), ("\"\\u00e9\\ud83d\\ude00\"", .string("é😀")),
    ("[1,[]]", .array([.integer(1), .array([])])),
    ("{\"a\":{}}", .object(["a": .object([:])])), ("\"\\u0000\"", .string("\0")),
  ])
  func reads(text: String, value: JSONValue) throws {
    #expect(try parse(text) == value)
  }

  @Test(
    "T-5: what is not one strict text is refused",
    arguments: [
      ("", JSONError.malformed), ("{} {}", .malformed), ("{}x", .malformed), ("\u{FEFF}{}", .malformed),
      ("{\"a\":1,}", .malformed), ("[1 2]", .malformed), ("'a'", .malformed), ("01", .malformed), ("+1", .malformed),
      ("NaN", .malformed), ("{\"a\":1,\"a\":2}", .nameRepeated), ("{\"a\":1,\"\\u0061\":2}", .nameRepeated),
      ("{\"b\":{\"a\":1,\"a\":1}}", .nameRepeated), ("\"\\ud800\"", .malformed), ("\"\u{1}\"", .malformed),
    ])
  func refuses(text: String, error: JSONError) {
    #expect(throws: (any Error).self) { try parse(text) }
    do throws(JSONError) { _ = try parse(text) } catch {
      if case .nameRepeated = error { #expect(text.contains("a")) }
    }
  }

  @Test("T-5: a number beyond every double")
  func hugeNumber() {
    #expect(throws: (any Error).self) { try parse("1e400") }
  }

  @Test("T-5: a repeated name among many")
  func repeatedAmongMany() {
    let names = (0..<40).map { "\"n\($0)\":\($0)" }
    #expect(throws: Never.self) { try parse("{" + names.joined(separator: ",") + "}") }
    #expect(throws: JSONError.nameRepeated) { try parse("{" + (names + ["\"n7\":1"]).joined(separator: ",") + "}") }
  }

  @Test("T-5: depth", arguments: [1, 2, 16])
  func depth(depth: Int) throws {
    let text = { (count: Int) in String(repeating: "[", count: count) + String(repeating: "]", count: count) }
    #expect(throws: Never.self) { try parse(text(depth), depthMax: depth) }
    #expect(throws: JSONError.tooDeep) { try parse(text(depth + 1), depthMax: depth) }
    #expect(throws: Never.self) {
      try parse(String(repeating: "[", count: depth) + "1" + String(repeating: "]", count: depth), depthMax: depth)
    }
  }

  @Test("T-5: bad UTF-8", arguments: [[0x22, 0xFF, 0x22], [0x22, 0xC0, 0xAF, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22]])
  func badUTF8(bytes: [UInt8]) {
    #expect(throws: JSONError.notUTF8) { try JSON.parse(bytes.span) }
  }

  @Test("Names are compared byte for byte")
  func canonicalEquivalence() throws {
    let object = try #require(try parse("{\"\\u212a\":1,\"e\\u0301\":2}").object)
    #expect(object["K"] == nil)
    #expect(object["é"] == nil)
    #expect(object["e\u{301}"] == .integer(2))
  }

  @Test(arguments: ["{\"a\":[1,2.5,null,true,\"x\\n\\\"\\\\\\u0001é\"],\"b\":{}}", "[]", "\"\"", "-7"])
  func serializes(text: String) throws {
    let value = try parse(text)
    let written = value.serialized()
    #expect(written == Array(text.utf8))
    #expect(try JSON.parse(written.span) == value)
  }
}
