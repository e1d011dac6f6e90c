import HTTP
import Testing

/// The value of `name` in a Cookie line: nil where there is none.
private enum Found: Equatable {
  case absent, repeated
  case value(String)

  init(_ name: String, in line: String) {
    let bytes = Array("x=\(line);y".utf8)
    let range = ByteRange(2, bytes.count - 2)
    switch CookieLine.find(Array(name.utf8), in: bytes.span, range) {
    case .absent: self = .absent
    case .repeated: self = .repeated
    case .found(let value): self = .value(bytes.text(value))
    }
  }
}

@Suite("Cookie lines")
struct CookieLineTests {
  @Test(
    "C-3, RFC 6265 §5.4: pairs are split at `;` and trimmed; no quotes, no `$Version`, no decoding",
    arguments: [
      ("s=1", "1"), ("a=2; s=1", "1"), ("a=2;s=1;b=3", "1"), (" \ts=1\t ; b", "1"), ("s=", ""), ("s=a=b", "a=b"),
      ("s=\"1\"", "\"1\""), ("s=%31", "%31"), ("s= 1", " 1"), ("$Version=1; s=1; $Path=/", "1"), ("s=1;;", "1"),
      ("a=\"; s=1; \"", "1"), ("s=a,b", "a,b"), ("s; s=1", "1"), ("ss=2; s=1", "1"),
    ])
  func finds(line: String, value: String) { #expect(Found("s", in: line) == .value(value)) }

  @Test(
    "C-3: another name is another cookie",
    arguments: [
      "", ";", "a=1", "S=1", "ss=1", "as=1", "s", "s =1", "\"s\"=1", "\u{2000}s=1", "%73=1", "a,s=1", "a=b s=1", "=s=1",
    ])
  func findsNot(line: String) { #expect(Found("s", in: line) == .absent) }

  @Test("C-2: a name that stands twice is told", arguments: ["s=1; s=1", "s=1; a=2; s=2", "s=;s=", "s=1; s=1; s=1"])
  func repeated(line: String) { #expect(Found("s", in: line) == .repeated) }

  @Test(
    "I-6: the pairs of other names are left, byte for byte",
    arguments: [
      ("s=1", ""), ("a=2; s=1; b=3", "a=2; b=3"), ("s=1; a=2", "a=2"), ("a=2;;s=1; ", "a=2"), ("ss=1;s", "ss=1; s"),
      ("a=\"x y\";t=4;b=%20", "a=\"x y\"; b=%20"), ("s=1; s=2; t=3", ""), ("", ""), (" a ;\tb\t", "a; b"),
      ("a=2; s =1", "a=2"), ("s\t =1; a=2", "a=2"), ("s a=1", "s a=1"), ("s ", "s"),
    ])
  func writesWithout(line: String, left: String) {
    let bytes = Array(line.utf8)
    var output: [UInt8] = []
    CookieLine.writeWithout([Array("s".utf8), Array("t".utf8)], in: bytes.span, ByteRange(0, bytes.count), to: &output)
    #expect(String(decoding: output, as: UTF8.self) == left)
  }

  @Test(
    "I-6: one pair is left whatever its name is, and no other of the name",
    arguments: [
      ("s=1", "s=1"), ("a=2; s=1; t=3", "a=2; s=1"), ("s =0; s=1;s\t=2", "s=1"), ("t=3; s=; a=2", "s=; a=2"),
    ])
  func writesOneOfThem(line: String, left: String) {
    let bytes = Array(line.utf8)
    guard case .found(let kept) = CookieLine.find(Array("s".utf8), in: bytes.span, ByteRange(0, bytes.count)) else {
      Issue.record("not found")
      return
    }
    var output: [UInt8] = []
    CookieLine.writeWithout(
      [Array("s".utf8), Array("t".utf8)], but: kept, in: bytes.span, ByteRange(0, bytes.count), to: &output)
    #expect(String(decoding: output, as: UTF8.self) == left)
  }
}
