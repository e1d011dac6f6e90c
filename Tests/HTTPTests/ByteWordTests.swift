import Testing

@testable import HTTP

/// What `ByteWord` and `FieldNameScan` say in words, byte by byte.
private enum Plain {
  static func isWordCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
      true
    default: false
    }
  }

  static func isFieldValue(_ byte: UInt8) -> Bool { byte >= 0x20 && byte != 0x7F }
}

@Suite("Eight bytes at once")
struct ByteWordTests {
  /// Each byte in each place, between bytes that could disturb it.
  @Test(
    "Every byte in every place is judged as alone", arguments: [0x61, 0x2D, 0xFF, 0x80, 0x20, 0x7F, 0x00] as [UInt8])
  func everyByte(_ neighbour: UInt8) {
    for place in 0..<8 {
      for byte in UInt8.min ... .max {
        var bytes = [UInt8](repeating: neighbour, count: 8)
        bytes[place] = byte
        let word = ByteWord.load(bytes.span, at: 0)
        let first = bytes.firstIndex { !Plain.isWordCharacter($0) } ?? 8
        #expect(ByteWord.bytesBefore(ByteWord.notWordCharacter(word)) == first)
        let control = bytes.firstIndex { $0 < 0x20 } ?? 8
        #expect(ByteWord.bytesBefore(ByteWord.controls(word)) == control)
        let bad = bytes.firstIndex { !Plain.isFieldValue($0) } ?? 8
        #expect(ByteWord.bytesBefore(ByteWord.notFieldValue(word)) == bad)
      }
    }
  }

  @Test("A value ends where it does byte by byte, HTAB and obs-text within it")
  func values() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<20_000 {
      let bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in
        Int.random(in: 0..<12, using: &random) > 0
          ? UInt8.random(in: 0x20...0x7E, using: &random)
          : [0x09, 0x0D, 0x0A, 0x00, 0x7F, 0x80, 0xFF, 0x1F].randomElement(using: &random) ?? 0
      }
      for start in [0, bytes.count / 2, bytes.count] {
        let expected = bytes.indices.first { $0 >= start && !ByteClass.isFieldValue(bytes[$0]) } ?? bytes.count
        #expect(FieldLineParser.endOfValue(bytes.span, from: start) == expected)
      }
    }
  }

  @Test("I-2: names that fold to the same have one hash, however they were read")
  func foldedNames() {
    var random = SystemRandomNumberGenerator()
    let tokens = (UInt8.min ... .max).filter(ByteClass.isToken)
    for _ in 0..<20_000 {
      let name = (0..<Int.random(in: 1...30, using: &random)).map { _ in
        Int.random(in: 0..<8, using: &random) > 0
          ? UInt8.random(in: 0x61...0x7A, using: &random) : tokens.randomElement(using: &random) ?? 0x61
      }
      let twin = name.map { byte -> UInt8 in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"): Bool.random(using: &random) ? byte ^ 0x20 : byte
        case UInt8(ascii: "-"): Bool.random(using: &random) ? UInt8(ascii: "_") : byte
        default: byte
        }
      }
      // With much, little and nothing behind it.
      let tail = [UInt8](repeating: UInt8(ascii: "x"), count: Int.random(in: 0...9, using: &random))
      let scan = FieldNameScan((name + [UInt8(ascii: ":")] + tail).span, from: 0)
      #expect(scan.end == name.count)
      #expect(scan.foldedHash == FieldName.foldedHash(of: name.span, ByteRange(0, name.count)))
      #expect(FieldNameScan((twin + [UInt8(ascii: ":")]).span, from: 0).foldedHash == scan.foldedHash)
      #expect(FieldNameScan((twin + tail.map { _ in 0x20 } + [0x20]).span, from: 0).end == name.count)
    }
  }

  @Test("Known names are known in any case, and no other name is")
  func knownNames() {
    let names: [(String, KnownField)] = [
      ("te", .te), ("host", .host), ("connection", .connection), ("content-length", .contentLength),
      ("transfer-encoding", .transferEncoding), ("proxy-authorization", .proxyAuthorization),
      ("keep-alive", .keepAlive), ("location", .location), ("traceparent", .traceparent),
    ]
    for (name, known) in names {
      for text in [name, name.uppercased(), name.prefix(1).uppercased() + name.dropFirst()] {
        #expect(FieldNameScan(Array((text + ": x").utf8).span, from: 0).known == known)
        #expect(FieldNameScan(Array((text + ":").utf8).span, from: 0).known == known)
        #expect(FieldNameScan(Array((text + "_:").utf8).span, from: 0).known == .other)
        let spoiled = text.replacing("-", with: "_")
        if spoiled != text { #expect(FieldNameScan(Array((spoiled + ": x").utf8).span, from: 0).known == .other) }
      }
    }
  }
}
