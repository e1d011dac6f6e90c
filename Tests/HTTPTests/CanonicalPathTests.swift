import HTTP
import Reason
import Testing

/// What the canonical form of a path is.
enum PathOutcome: Equatable, Sendable {
  case path(String, PathTraits)
  case refused(Reason)
}

func pathOutcome(_ bytes: [UInt8]) -> PathOutcome {
  // What was in the output before, and where the path stands, make no difference.
  var output = Array("/before".utf8)
  let padded = Array("%2".utf8) + bytes + Array("0F".utf8)
  do throws(PathError) {
    let traits = try CanonicalPath.write(padded.span, ByteRange(2, 2 + bytes.count), to: &output)
    return .path(String(decoding: output, as: UTF8.self), traits)
  } catch {
    return .refused(error.reason)
  }
}

@Suite("Canonical paths")
struct CanonicalPathTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let input: String
    let outcome: PathOutcome
    var testDescription: String { "\(input.debugDescription): \(outcome)" }

    init(_ input: String, _ reason: Reason) {
      self.input = input
      outcome = .refused(reason)
    }

    init(_ input: String, is path: String, _ traits: PathTraits = []) {
      self.input = input
      outcome = .path(path, traits)
    }

    func check() { #expect(pathOutcome(Array(input.utf8)) == outcome) }
  }

  static let dotSegments = [
    "/a/../R", "/..", "/.", "/a/.", "/a/..", "/../R", "/./R", "/a/./b", "/%2E./R", "/.%2e/R", "/%2e%2E/R", "/%2e",
    "/a/%2e",
    "/a/..%2fR", "/a%2f../R", "/a%2F..%2fR", "/a%2f.%5Cb", "/a%5c..%5cR", "/a/.%2f", "/a%2f..",
    // Some servers cut parameters off before they look at dots.
    "/a/..;/R", "/a/..;x=1", "/a/.;/R", "/a/..%3bx/R", "/a/%2e%2e%3B/R", "//../R",
  ].map { Row($0, .pathDotSegment) }

  @Test("P-2: no dot segments, raw or encoded", arguments: dotSegments)
  func dotSegment(_ row: Row) { row.check() }

  @Test(
    "P-2: dots elsewhere are names",
    arguments: ["/...", "/a/...b", "/.a", "/..a", "/a.", "/a..", "/a.b/..c", "/a%2f.b"].map {
      Row($0, is: $0.replacing("%2f", with: "%2F"), $0.contains("%2f") ? .encodedSlash : [])
    })
  func dots(_ row: Row) { row.check() }

  @Test(
    "P-3, P-4, P-5: what only a route that keeps it lets through is told, and stays as it is",
    arguments: [
      Row("/a%2fR", is: "/a%2FR", .encodedSlash), Row("/a%5cR", is: "/a%5CR", .encodedSlash),
      Row("/%2f", is: "/%2F", .encodedSlash), Row("//R", is: "//R", .doubleSlash),
      Row("/a//R", is: "/a//R", .doubleSlash), Row("/a//", is: "/a//", .doubleSlash),
      Row("/R;x=1", is: "/R;x=1", .parameter), Row("/R%3bx", is: "/R%3Bx", [.parameter, .optionalEscape]),
      Row("/;", is: "/;", .parameter),
      Row("/a;//%2F", is: "/a;//%2F", [.encodedSlash, .doubleSlash, .parameter]),
    ])
  func traits(_ row: Row) { row.check() }

  @Test(
    "P-4: no backslash",
    arguments: ["/a\\R", "\\R", "/\\", "/a/..\\R"].map { text in
      Row(text, text.hasPrefix("/") ? .pathBackslash : .pathCharacterInvalid)
    })
  func backslash(_ row: Row) { row.check() }

  static let badBytes =
    ["a", "*", "/a b", "/a#b", "/a\"", "/<", "/>", "/{", "/}", "/`", "/a\tb", "/\u{0}", "/\u{7F}", "/é", "/a?b"]
    .map { Row($0, .pathCharacterInvalid) }

  @Test("P-6: no byte that no path may hold", arguments: badBytes)
  func badByte(_ row: Row) { row.check() }

  @Test("P-6: what browsers send as it is passes", arguments: ["/|", "/^", "/[", "/]", "/-._~!$&'()*+,=:@Az09"])
  func goodByte(_ text: String) { #expect(pathOutcome(Array(text.utf8)) == .path(text, [])) }

  static let badEscapes = [
    "/%zz", "/%", "/%2", "/a%", "/%g0", "/%0g", "/R%00", "/%0a", "/%0D", "/%1f", "/%7F", "/%u0041", "/% 41",
    // Bad UTF-8 (RFC 3629 §3): overlong, surrogates, beyond U+10FFFF, cut, alone.
    "/%c0%af", "/%c1%bf", "/%e0%80%af", "/%e0%9f%bf", "/%ed%a0%80", "/%f0%80%80%af", "/%f0%8f%bf%bf", "/%f4%90%80%80",
    "/%f5%80%80%80", "/%ff", "/%80", "/%c3", "/%c3x", "/%c3/%a9", "/%e2%82", "/%e2%82x", "/%c3%c3%a9", "/%f0%9f%98%41",
    // C1 control characters.
    "/%c2%80", "/%c2%85", "/%C2%9F",
  ].map { Row($0, .pathEscapeInvalid) }

  @Test("P-7, RFC 3986 §2.1: no bad escape, no encoded control character, no bad UTF-8", arguments: badEscapes)
  func badEscape(_ row: Row) { row.check() }

  static let doubleEncodings = [
    "/%252e%252e/R", "/%2541", "/%25%34%31", "/%25%32%65", "/%2525", "/a/%252F", "/%2561%zz".replacing("%zz", with: ""),
  ].map { Row($0, .pathDoubleEncoding) }

  @Test("P-8, RFC 3986 §2.4: a path that decodes to an escape is refused", arguments: doubleEncodings)
  func doubleEncoding(_ row: Row) { row.check() }

  @Test("P-8: a per cent sign that begins no escape passes", arguments: ["/100%25", "/%25zz", "/%254", "/%25/41"])
  func perCent(_ text: String) { #expect(pathOutcome(Array(text.utf8)) == .path(text, [])) }

  @Test(
    "P-9, RFC 3986 §6.2.2: encoded unreserved bytes are decoded, other escapes stay in upper case",
    arguments: [
      Row("/%52", is: "/R"), Row("/%72%61%7A%30%39%2d%5f%7e", is: "/raz09-_~"), Row("/a%2Eb", is: "/a.b"),
      Row("/%3f", is: "/%3F"), Row("/%23x", is: "/%23x"), Row("/%c3%a9", is: "/%C3%A9"), Row("/%20", is: "/%20"),
      Row("/%e2%82%ac%F0%9f%98%80", is: "/%E2%82%AC%F0%9F%98%80"),
      Row("/%21%3a%40%7b", is: "/%21%3A%40%7B", .optionalEscape),
      Row("/%c2%a0", is: "/%C2%A0"), Row("/%c3%a9%41", is: "/%C3%A9A"), Row("", is: "/"), Row("/", is: "/"),
    ])
  func escapes(_ row: Row) { row.check() }

  @Test("P-9, RFC 3986 §2.2: every byte that may stand as it is, is matched so; nothing else changes")
  func matchedForm() {
    for byte in UInt8.min...UInt8.max {
      let digits = String(byte, radix: 16, uppercase: true)
      let escape = "/%" + (digits.count < 2 ? "0" : "") + digits
      guard case .path(let path, let traits) = pathOutcome(Array(escape.utf8)) else { continue }
      let expected = traits.contains(.optionalEscape) ? "/\(Character(Unicode.Scalar(byte)))" : path
      #expect(matchedForm(of: path) == expected, "\(escape)")
      #expect((matchedForm(of: path) != path) == traits.contains(.optionalEscape), "\(escape)")
    }
    #expect(matchedForm(of: "/a%3Ab%2F%3B%25%3F%23%5C/%C3%A9%7B%22%20%40") == "/a:b%2F;%25%3F%23%5C/%C3%A9%7B%22%20@")
    #expect(matchedForm(of: "/%253A%") == "/%253A%")
  }

  private func matchedForm(of path: String) -> String {
    var output = Array("/before".utf8)
    CanonicalPath.writeMatched(Array(path.utf8).span, to: &output)
    return String(decoding: output, as: UTF8.self)
  }

  @Test("P-11: paths are case-sensitive")
  func caseSensitive() {
    #expect(pathOutcome(Array("/R".utf8)) != pathOutcome(Array("/r".utf8)))
    #expect(pathOutcome(Array("/%72".utf8)) == .path("/r", []))
  }

  @Test("Every byte, raw and encoded, is decided by RFC 3986 §2.2, §2.3 and §3.3")
  func everyByte() {
    let unreserved = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~".utf8)
    let passing = unreserved.union("!$&'()*+,=:@|^[]/;".utf8)
    for byte in UInt8.min...UInt8.max {
      let raw = pathOutcome(Array("/a".utf8) + [byte, 0x62])
      if case .path = raw {
        #expect(passing.contains(byte), "\(byte)")
      } else {
        #expect(!passing.contains(byte), "\(byte)")
      }
      let digits = String(byte, radix: 16, uppercase: true)
      let escape = "%" + (digits.count < 2 ? "0" : "") + digits
      let encoded = pathOutcome(Array("/a\(escape)b".utf8))
      switch byte {
      case 0..<0x20, 0x7F...: #expect(encoded == .refused(.pathEscapeInvalid), "\(escape)")
      case _ where unreserved.contains(byte):
        #expect(encoded == .path("/a\(Character(Unicode.Scalar(byte)))b", []), "\(escape)")
      case UInt8(ascii: "/"), UInt8(ascii: "\\"): #expect(encoded == .path("/a\(escape)b", .encodedSlash))
      case UInt8(ascii: ";"): #expect(encoded == .path("/a\(escape)b", [.parameter, .optionalEscape]))
      case _ where passing.contains(byte): #expect(encoded == .path("/a\(escape)b", .optionalEscape), "\(escape)")
      default: #expect(encoded == .path("/a\(escape)b", []), "\(escape)")
      }
    }
  }
}
