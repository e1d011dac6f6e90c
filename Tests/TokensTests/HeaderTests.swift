import Testing
import Tokens

/// Every token here is signed well: it is the header that is refused.
@Suite("JOSE headers")
struct HeaderTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let rule: String
    let header: String
    let fault: TokenError.Fault?
    var testDescription: String { "\(rule): \(header.prefix(70))" }
  }

  private static let otherType = TokenError.Fault.typeRefused(expected: "JWT or at+jwt")

  static let rows = [
    Row(rule: "honest", header: #"{"alg":"ES256","typ":"JWT","kid":"es256"}"#, fault: nil),
    Row(rule: "honest, spaced", header: " {\r\n\"alg\" : \"ES256\" }\t", fault: nil),

    Row(rule: "T-1 none", header: #"{"alg":"none","kid":"es256"}"#, fault: .algorithmRefused(allowed: [])),
    Row(rule: "T-1 None", header: #"{"alg":"None","kid":"es256"}"#, fault: .algorithmRefused(allowed: [])),
    Row(rule: "T-1 case", header: #"{"alg":"es256","kid":"es256"}"#, fault: .algorithmRefused(allowed: [])),
    Row(rule: "T-1 space", header: #"{"alg":"ES256 ","kid":"es256"}"#, fault: .algorithmRefused(allowed: [])),
    Row(rule: "T-1 empty", header: #"{"alg":"","kid":"es256"}"#, fault: .algorithmRefused(allowed: [])),
    Row(rule: "T-1 unknown", header: #"{"alg":"ES256K","kid":"es256"}"#, fault: .algorithmRefused(allowed: [])),
    Row(rule: "T-1 absent", header: #"{"kid":"es256"}"#, fault: .headerInvalid),
    Row(rule: "T-1 number", header: #"{"alg":256,"kid":"es256"}"#, fault: .headerInvalid),
    Row(rule: "T-1 list", header: #"{"alg":["ES256"],"kid":"es256"}"#, fault: .headerInvalid),
    Row(rule: "T-1 null", header: #"{"alg":null,"kid":"es256"}"#, fault: .headerInvalid),
    Row(rule: "T-1 RSA's kid", header: #"{"alg":"ES256","kid":"rs256"}"#, fault: .keyMismatch),
    Row(rule: "T-1 another curve's kid", header: #"{"alg":"ES256","kid":"es384"}"#, fault: .keyMismatch),
    Row(rule: "T-1 another padding's kid", header: #"{"alg":"RS256","kid":"ps256"}"#, fault: .keyMismatch),
    Row(rule: "T-1 another hash's kid", header: #"{"alg":"RS256","kid":"rs512"}"#, fault: .keyMismatch),

    Row(rule: "T-5 name twice", header: #"{"alg":"ES256","alg":"ES256"}"#, fault: .headerInvalid),
    Row(rule: "T-5 name twice, escaped", header: #"{"alg":"none","\u0061lg":"ES256"}"#, fault: .headerInvalid),
    Row(rule: "T-5 inner name twice", header: #"{"alg":"ES256","x":{"a":1,"a":2}}"#, fault: .headerInvalid),
    Row(rule: "T-5 byte order mark", header: "\u{FEFF}{\"alg\":\"ES256\"}", fault: .headerInvalid),
    Row(rule: "T-5 trailing bytes", header: #"{"alg":"ES256"}x"#, fault: .headerInvalid),
    Row(rule: "T-5 two objects", header: #"{"alg":"ES256"}{}"#, fault: .headerInvalid),
    Row(rule: "T-5 trailing NUL", header: "{\"alg\":\"ES256\"}\0", fault: .headerInvalid),
    Row(rule: "T-5 trailing comma", header: #"{"alg":"ES256",}"#, fault: .headerInvalid),
    Row(rule: "T-5 comment", header: #"{"alg":"ES256"/**/}"#, fault: .headerInvalid),
    Row(rule: "T-5 single quotes", header: #"{'alg':'ES256'}"#, fault: .headerInvalid),
    Row(rule: "T-5 array", header: #"["alg","ES256"]"#, fault: .headerInvalid),
    Row(rule: "T-5 string", header: #""ES256""#, fault: .headerInvalid),
    Row(rule: "T-5 half a pair", header: #"{"alg":"ES256","x":"\ud800"}"#, fault: .headerInvalid),
    Row(rule: "T-5 depth 16", header: nested(15), fault: nil),
    Row(rule: "T-5 depth 17", header: nested(16), fault: .headerInvalid),

    Row(rule: "T-6 crit b64", header: #"{"alg":"ES256","crit":["b64"]}"#, fault: .extensionRefused("crit")),
    Row(rule: "T-6 crit empty", header: #"{"alg":"ES256","crit":[]}"#, fault: .extensionRefused("crit")),
    Row(rule: "T-6 crit null", header: #"{"alg":"ES256","crit":null}"#, fault: .extensionRefused("crit")),
    Row(rule: "T-6 b64", header: #"{"alg":"ES256","b64":true}"#, fault: .extensionRefused("b64")),
    Row(rule: "T-6 cty", header: #"{"alg":"ES256","cty":"JWT"}"#, fault: .extensionRefused("cty")),
    Row(rule: "T-6 zip", header: #"{"alg":"ES256","zip":"DEF"}"#, fault: .extensionRefused("zip")),
    Row(rule: "T-6 typ of a logout token", header: #"{"alg":"ES256","typ":"logout+jwt"}"#, fault: otherType),
    Row(rule: "T-6 typ of a DPoP proof", header: #"{"alg":"ES256","typ":"dpop+jwt"}"#, fault: otherType),
    Row(rule: "T-6 typ empty", header: #"{"alg":"ES256","typ":""}"#, fault: otherType),
    Row(rule: "T-6 typ longer", header: #"{"alg":"ES256","typ":"JWTX"}"#, fault: otherType),
    Row(rule: "T-6 typ with a look-alike", header: "{\"alg\":\"ES256\",\"typ\":\"\u{FF2A}WT\"}", fault: otherType),
    Row(rule: "T-6 typ number", header: #"{"alg":"ES256","typ":1}"#, fault: .headerInvalid),
    Row(rule: "T-6 typ JWT", header: #"{"alg":"ES256","typ":"JWT"}"#, fault: nil),
    Row(rule: "T-6 typ jwt", header: #"{"alg":"ES256","typ":"jwt"}"#, fault: nil),
    Row(rule: "T-6 typ at+jwt", header: #"{"alg":"ES256","typ":"AT+jwt"}"#, fault: nil),
    Row(rule: "T-6 typ in full", header: #"{"alg":"ES256","typ":"application/at+jwt"}"#, fault: nil),

    Row(rule: "T-7 jku", header: #"{"alg":"ES256","kid":"mine","jku":"https://evil.example/"}"#, fault: .keyUnknown),
    Row(rule: "T-7 x5u", header: #"{"alg":"ES256","kid":"mine","x5u":"https://evil.example/"}"#, fault: .keyUnknown),
    Row(rule: "T-7 x5c", header: #"{"alg":"ES256","kid":"mine","x5c":["AAAA"]}"#, fault: .keyUnknown),
    Row(rule: "T-7 jku beside a known key", header: #"{"alg":"ES256","kid":"es256","jku":"file:///"}"#, fault: nil),

    Row(rule: "T-8 path", header: #"{"alg":"ES256","kid":"../../dev/null"}"#, fault: .keyUnknown),
    Row(rule: "T-8 query", header: #"{"alg":"ES256","kid":"' OR 1=1 --"}"#, fault: .keyUnknown),
    Row(rule: "T-8 number", header: #"{"alg":"ES256","kid":7}"#, fault: .headerInvalid),
    Row(rule: "T-8 null", header: #"{"alg":"ES256","kid":null}"#, fault: .headerInvalid),
    Row(rule: "T-8 empty", header: #"{"alg":"ES256","kid":""}"#, fault: .keyUnknown),
    Row(rule: "T-8 case", header: #"{"alg":"ES256","kid":"ES256"}"#, fault: .keyUnknown),
    Row(rule: "T-8 NUL after it", header: #"{"alg":"ES256","kid":"es256\u0000"}"#, fault: .keyUnknown),
    Row(rule: "T-8 space after it", header: #"{"alg":"ES256","kid":"es256 "}"#, fault: .keyUnknown),
    Row(rule: "T-8 256 bytes", header: #"{"alg":"ES256","kid":"\#(letters(256))"}"#, fault: .keyUnknown),
    Row(rule: "T-8 257 bytes", header: #"{"alg":"ES256","kid":"\#(letters(257))"}"#, fault: .headerInvalid),
    Row(
      rule: "T-8 129 letters of two bytes", header: #"{"alg":"ES256","kid":"\#(umlauts(129))"}"#, fault: .headerInvalid),
    Row(rule: "T-8 absent", header: #"{"alg":"ES256"}"#, fault: nil),
  ]

  @Test("A header breaks one rule", arguments: rows)
  func header(row: Row) throws {
    let issuer = try Issuer.shared.get()
    #expect(Check().fault(try issuer.sign(header: row.header), issuer.keySet) == row.fault)
  }

  @Test(
    "T-6: a policy's own type is the only one",
    arguments: [
      ("at+jwt", #","typ":"at+jwt""#, true), ("at+jwt", #","typ":"AT+JWT""#, true),
      ("at+jwt", #","typ":"application/at+jwt""#, true), ("application/at+jwt", #","typ":"at+jwt""#, true),
      ("at+jwt", #","typ":"JWT""#, false), ("at+jwt", "", false), ("at+jwt", #","typ":"""#, false),
      ("at+jwt", #","typ":"at+jwtx""#, false), ("at+jwt", #","typ":"text/at+jwt""#, false),
      ("at+jwt", #","typ":"application/application/at+jwt""#, false), ("JWT", #","typ":"jwt""#, true),
      ("JWT", #","typ":"at+jwt""#, false), ("secevent+jwt", #","typ":"secevent+jwt""#, true),
    ])
  func requiredType(required: String, member: String, isGood: Bool) throws {
    let issuer = try Issuer.shared.get()
    let token = try issuer.sign(header: #"{"alg":"ES256"\#(member)}"#)
    #expect(Check(type: required).fault(token, issuer.keySet) == (isGood ? nil : .typeRefused(expected: required)))
  }

  @Test("T-5: bad UTF-8 in a header")
  func badUTF8() throws {
    let issuer = try Issuer.shared.get()
    let header = Array(#"{"alg":"ES256","x":""#.utf8) + [0xC0, 0xAF] + Array("\"}".utf8)
    let token = try issuer.sign(header: header, payload: Array(Issuer.claims.utf8), with: .es256)
    #expect(Check().fault(token, issuer.keySet) == .headerInvalid)
  }

  @Test("The error names the header's kid, as far as it was read")
  func keyIDInError() throws {
    let issuer = try Issuer.shared.get()
    for (header, keyID) in [
      (#"{"alg":"none","kid":"es256"}"#, "es256"), (#"{"alg":"ES256","kid":"other"}"#, "other"),
      (#"{"kid":"first","alg":1}"#, "first"), (#"{"alg":"ES256","kid":7}"#, nil),
    ] {
      guard case .failure(let error) = Check()(try issuer.sign(header: header), issuer.keySet) else {
        Issue.record("\(header) was accepted")
        continue
      }
      #expect(error.keyID == keyID)
    }
  }

  private static func nested(_ depth: Int) -> String {
    #"{"alg":"ES256","x":"# + String(repeating: "[", count: depth) + String(repeating: "]", count: depth) + "}"
  }
  private static func letters(_ count: Int) -> String { String(repeating: "k", count: count) }
  private static func umlauts(_ count: Int) -> String { String(repeating: "ü", count: count) }
}
