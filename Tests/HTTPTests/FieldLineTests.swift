import HTTP
import Reason
import Testing

@Suite("Field lines")
struct FieldLineTests {
  static let lineEnds = [
    RefusedRequest("GET / HTTP/1.1\nHost: a\r\n\r\n", .lineEndInvalid),
    RefusedRequest("GET / HTTP/1.1\rHost: a\r\n\r\n", .requestLineInvalid),
    RefusedRequest("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", .requestLineInvalid),
    RefusedRequest("GET /\n", .requestLineInvalid),
    RefusedRequest("GET\n", .lineEndInvalid),
    RefusedRequest("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", .lineEndInvalid),
    RefusedRequest("\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", .lineEndInvalid),
    RefusedRequest("GET / HTTP/1.1\r\nHost: a\n\r\n", .lineEndInvalid),
    RefusedRequest("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", .lineEndInvalid),
    RefusedRequest("GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", .lineEndInvalid),
    RefusedRequest("GET / HTTP/1.1\r\nHost\n: a\r\n\r\n", .lineEndInvalid),
    RefusedRequest("GET / HTTP/1.1\r\nHost: a\r\n\n", .lineEndInvalid),
    RefusedRequest("GET / HTTP/1.1\r\nHost: a\r\n\rGET", .lineEndInvalid),
  ]

  @Test("H-4, RFC 9112 §2.2: a bare LF and a bare CR are refused at each place", arguments: lineEnds)
  func lineEnd(_ row: RefusedRequest) { row.check() }

  static let badLines = [
    RefusedRequest(lines: ":x", reason: .fieldLineInvalid),
    RefusedRequest(lines: "X : a", reason: .fieldLineInvalid),
    RefusedRequest(lines: "X\t: a", reason: .fieldLineInvalid),
    RefusedRequest(lines: "X", reason: .fieldLineInvalid),
    RefusedRequest(lines: "X(y): a", reason: .fieldLineInvalid),
    RefusedRequest(lines: "X\u{0}: a", reason: .fieldLineInvalid),
    RefusedRequest(lines: "é: a", reason: .fieldLineInvalid),
    RefusedRequest(lines: "X: a", " b", reason: .fieldLineInvalid),
    RefusedRequest(lines: "X: a", "\tb", reason: .fieldLineInvalid),
    RefusedRequest("GET / HTTP/1.1\r\n Host: a\r\n\r\n", .fieldLineInvalid),
    RefusedRequest("GET / HTTP/1.1\r\nHost : a\r\n\r\n", .fieldLineInvalid),
  ]

  @Test("H-5, RFC 9112 §5: a name is a token with the colon behind it, and no line is folded", arguments: badLines)
  func badLine(_ row: RefusedRequest) { row.check() }

  static let badValues = [
    RefusedRequest(lines: "X: a\u{0}b", reason: .fieldValueInvalid),
    RefusedRequest(lines: "X: a\u{1}", reason: .fieldValueInvalid),
    RefusedRequest(lines: "X: \u{B}a", reason: .fieldValueInvalid),
    RefusedRequest(lines: "X: a\u{1F}b", reason: .fieldValueInvalid),
    RefusedRequest(lines: "X: a\u{7F}", reason: .fieldValueInvalid),
    RefusedRequest(lines: "Authorization: Bearer é", reason: .fieldValueInvalid),
    RefusedRequest(lines: "Connection: é", reason: .fieldValueInvalid),
    RefusedRequest("GET / HTTP/1.1\r\nHost: é\r\n\r\n", .fieldValueInvalid),
  ]

  @Test("H-6, RFC 9110 §5.5: no control character in a value, no obs-text where we read it", arguments: badValues)
  func badValue(_ row: RefusedRequest) { row.check() }

  @Test(
    "H-6: HTAB, and obs-text of the application's own, pass; white space around a value is none of it",
    arguments: [("X: a\tb", "a\tb"), ("X:a", "a"), ("X: \t a \t ", "a"), ("X:", ""), ("X: \t", ""), ("X: é", "é")])
  func goodValue(line: String, value: String) throws {
    let (head, bytes) = try requestHead("GET / HTTP/1.1\r\n\(line)\r\nHost: a\r\n\r\n")
    #expect(head.fields.count == 2)
    #expect(bytes.text(head.fields[0].name) == "X")
    #expect(bytes.text(head.fields[0].value) == value)
  }

  static let badHosts =
    [
      RefusedRequest("GET / HTTP/1.1\r\n\r\n", .hostInvalid),
      RefusedRequest("GET / HTTP/1.0\r\n\r\n", .hostInvalid),
      RefusedRequest("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", .hostInvalid),
      RefusedRequest("GET / HTTP/1.1\r\nHost: a\r\nhOST: b\r\n\r\n", .hostInvalid),
    ]
    + [
      "", "a,b", "a b", "u@a", "a/b", "a?b", "a#b", "a:99999", "a:65536", "a:", ":80", "a:8x", "a:80:80", "a:000080",
      "a%62", "[::1", "::1", "[]", "[g::1]", "[::1]x", "[::1].", "http://a", String(repeating: "a", count: 263),
      String(repeating: "a", count: 256), String(repeating: "a", count: 256) + ":80",
      String(repeating: "a", count: 256) + ".",
      // RFC 3986 §3.2.2: what stands in brackets is an IPv6 address.
      "[1.2.3.4]", "[:]", "[:::]", "[:1]", "[1:]", "[1]", "[1:2:3:4:5:6:7]", "[1:2:3:4:5:6:7:8:9]", "[12345::]",
      "[1::2::3]",
      "[1:2:3:4:5:6:7::8]", "[::1.2.3]", "[::1.2.3.4.5]", "[::1.2.3.256]", "[::1.2.3.04]", "[::1.2..4]", "[::f.2.3.4]",
      "[1:2:3:4:5:6:7:1.2.3.4]", "[::1.2.3.4:5]", "[fe80::1%25eth0]", "[v1.a]",
    ].map { RefusedRequest("GET / HTTP/1.1\r\nHost: \($0)\r\n\r\n", .hostInvalid) }

  @Test("H-8, RFC 9112 §3.2: one valid Host, also in HTTP/1.0", arguments: badHosts)
  func badHost(_ row: RefusedRequest) { row.check() }

  struct Host: Sendable, CustomTestStringConvertible {
    let value: String
    let name: String
    let port: UInt16?
    var testDescription: String { value }
  }

  @Test(
    "P-14, RFC 9110 §7.2: a host without a port and one trailing dot",
    arguments: [
      Host(value: "example.com", name: "example.com", port: nil),
      Host(value: "EXAMPLE.com.:443", name: "EXAMPLE.com", port: 443),
      Host(value: "a-b_c.9:65535", name: "a-b_c.9", port: 65535),
      Host(value: "[2001:db8::1]:80", name: "[2001:db8::1]", port: 80),
      Host(value: "[::ffff:127.0.0.1]", name: "[::ffff:127.0.0.1]", port: nil),
      Host(value: "127.0.0.1:0", name: "127.0.0.1", port: 0),
      Host(value: "[::]", name: "[::]", port: nil), Host(value: "[1::]:1", name: "[1::]", port: 1),
      Host(value: "[1:2:3:4:5:6:7:abCD]", name: "[1:2:3:4:5:6:7:abCD]", port: nil),
      Host(value: "[1:2:3::6:7:8]", name: "[1:2:3::6:7:8]", port: nil),
      Host(value: "[1:2:3:4:5:6:255.0.10.99]", name: "[1:2:3:4:5:6:255.0.10.99]", port: nil),
    ])
  func goodHost(_ row: Host) throws {
    let (head, bytes) = try requestHead("GET / HTTP/1.1\r\nHost: \(row.value)\r\n\r\n")
    #expect(bytes.text(head.authority) == row.value)
    #expect(bytes.text(head.host) == row.name)
    #expect(head.port == row.port)
  }

  struct Limit: Sendable, CustomTestStringConvertible {
    let limits: HeadLimits
    let input: String
    let expected: HeadOutcome
    var testDescription: String { "\(input.utf8.count) bytes: \(expected)" }
  }

  static let good = "GET /abc HTTP/1.1\r\nHost: a\r\nX: b\r\n\r\n"

  /// A head whose Connection lines have so many names.
  static func naming(_ counts: Int...) -> String {
    let lines = counts.map { "Connection: \(Array(repeating: "x", count: $0).joined(separator: ", "))\r\n" }
    return "GET / HTTP/1.1\r\nHost: a\r\n\(lines.joined())\r\n"
  }

  @Test(
    "D-2, RFC 6585 §5: the limits of a head, met and passed by one",
    arguments: [
      Limit(limits: HeadLimits(headBytesMax: 36), input: good, expected: .whole(length: 36)),
      Limit(limits: HeadLimits(headBytesMax: 35), input: good, expected: .refused(.headTooLarge)),
      Limit(limits: HeadLimits(fieldsMax: 2), input: good, expected: .whole(length: 36)),
      Limit(limits: HeadLimits(fieldsMax: 1), input: good, expected: .refused(.tooManyFields)),
      // Names that are to be removed are compared with every line.
      Limit(limits: HeadLimits(), input: naming(64), expected: .whole(length: naming(64).utf8.count)),
      Limit(limits: HeadLimits(), input: naming(65), expected: .refused(.tooManyFields)),
      Limit(limits: HeadLimits(), input: naming(40, 25), expected: .refused(.tooManyFields)),
      Limit(limits: HeadLimits(targetBytesMax: 4), input: good, expected: .whole(length: 36)),
      Limit(limits: HeadLimits(targetBytesMax: 3), input: good, expected: .refused(.targetTooLong)),
      Limit(limits: HeadLimits(headBytesMax: 9), input: "GETGETGETG", expected: .refused(.headTooLarge)),
      Limit(limits: HeadLimits(targetBytesMax: 3), input: "GET /abc", expected: .refused(.targetTooLong)),
      Limit(limits: HeadLimits(headBytesMax: 20), input: "GET / HTTP/1.1\r\nX: abc", expected: .refused(.headTooLarge)),
      // However much came at once: what would be refused for another reason lies behind the limit.
      Limit(limits: HeadLimits(targetBytesMax: 3), input: "GET /abc\u{1} ", expected: .refused(.targetTooLong)),
      Limit(limits: HeadLimits(targetBytesMax: 3), input: "GET /ab\u{1} ", expected: .refused(.targetInvalid)),
      Limit(limits: HeadLimits(headBytesMax: 16), input: "GET / HTTP/1.1\r\nX y", expected: .refused(.headTooLarge)),
      Limit(limits: HeadLimits(headBytesMax: 17), input: "GET / HTTP/1.1\r\n y", expected: .refused(.fieldLineInvalid)),
    ])
  func limits(_ row: Limit) {
    let bytes = Array(row.input.utf8)
    #expect(requestOutcome(bytes, limits: row.limits) == row.expected)
    #expect(byteByByte(bytes) { requestOutcome($0, limits: row.limits) } == row.expected)
  }
}
