import Testing

@testable import Tokens

/// Every token here is signed well: it is the claims that are refused.
@Suite("Claims")
struct ClaimTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let rule: String
    let payload: String
    let fault: TokenError.Fault?
    var testDescription: String { rule }
  }

  private static func claims(
    iss: String? = #""https://idp.example""#, aud: String? = #""api""#, exp: String? = "1750000600", _ more: String = ""
  ) -> String {
    let members = [("iss", iss), ("aud", aud), ("exp", exp)].compactMap { name, value in
      value.map { #""\#(name)":\#($0)"# }
    }
    return "{" + members.joined(separator: ",") + more + "}"
  }

  static let documents = [
    Row(rule: "honest", payload: claims(), fault: nil),
    Row(rule: "honest, escaped name", payload: claims(exp: nil, #","\u0065xp":1750000600"#), fault: nil),
    Row(rule: "T-5 name twice", payload: claims(#","exp":1750000600"#), fault: .claimsInvalid),
    Row(rule: "T-5 name twice, escaped", payload: claims(#","\u0065xp":1750000600"#), fault: .claimsInvalid),
    Row(rule: "T-5 inner name twice", payload: claims(#","x":{"a":1,"a":1}"#), fault: .claimsInvalid),
    Row(rule: "T-5 byte order mark", payload: "\u{FEFF}" + claims(), fault: .claimsInvalid),
    Row(rule: "T-5 trailing bytes", payload: claims() + "x", fault: .claimsInvalid),
    Row(rule: "T-5 trailing NUL", payload: claims() + "\0", fault: .claimsInvalid),
    Row(rule: "T-5 empty", payload: "", fault: .claimsInvalid),
    Row(rule: "T-5 array", payload: "[" + claims() + "]", fault: .claimsInvalid),
    Row(rule: "T-5 null", payload: "null", fault: .claimsInvalid),
    Row(rule: "T-5 half a pair", payload: claims(#","x":"\udc00""#), fault: .claimsInvalid),
    Row(rule: "T-5 depth 16", payload: claims(#","x":\#(nested(15))"#), fault: nil),
    Row(rule: "T-5 depth 17", payload: claims(#","x":\#(nested(16))"#), fault: .claimsInvalid),
    Row(rule: "a token in a token", payload: "eyJhbGciOiJub25lIn0.e30.", fault: .claimsInvalid),
  ]

  static let issuers = [
    Row(rule: "T-11 absent", payload: claims(iss: nil), fault: .claimMissing("iss")),
    Row(rule: "T-11 null", payload: claims(iss: "null"), fault: .claimMalformed("iss")),
    Row(rule: "T-11 list", payload: claims(iss: #"["https://idp.example"]"#), fault: .claimMalformed("iss")),
    issuer("T-11 empty", ""), issuer("T-11 slash", "https://idp.example/"), issuer("T-11 case", "https://IDP.example"),
    issuer("T-11 prefix", "https://idp.exampl"), issuer("T-11 longer", "https://idp.example.evil.example"),
    issuer("T-11 space", "https://idp.example "), issuer("T-11 scheme", "http://idp.example"),
    issuer("T-11 port", "https://idp.example:443"),
  ]

  static let audiences = [
    Row(rule: "T-12 absent", payload: claims(aud: nil), fault: .claimMissing("aud")),
    Row(rule: "T-12 null", payload: claims(aud: "null"), fault: .claimMalformed("aud")),
    Row(rule: "T-12 number", payload: claims(aud: "7"), fault: .claimMalformed("aud")),
    Row(rule: "T-12 object", payload: claims(aud: #"{"api":true}"#), fault: .claimMalformed("aud")),
    Row(rule: "T-12 true", payload: claims(aud: "true"), fault: .claimMalformed("aud")),
    Row(rule: "T-12 number in the list", payload: claims(aud: #"["api",7]"#), fault: .claimMalformed("aud")),
    Row(rule: "T-12 list in the list", payload: claims(aud: #"[["api"]]"#), fault: .claimMalformed("aud")),
    Row(rule: "T-12 empty list", payload: claims(aud: "[]"), fault: .audienceMismatch(found: [])),
    Row(rule: "T-12 empty", payload: claims(aud: #""""#), fault: .audienceMismatch(found: [""])),
    Row(rule: "T-12 prefix", payload: claims(aud: #""ap""#), fault: .audienceMismatch(found: ["ap"])),
    Row(rule: "T-12 longer", payload: claims(aud: #""apis""#), fault: .audienceMismatch(found: ["apis"])),
    Row(rule: "T-12 case", payload: claims(aud: #""API""#), fault: .audienceMismatch(found: ["API"])),
    Row(rule: "T-12 words", payload: claims(aud: #""api web""#), fault: .audienceMismatch(found: ["api web"])),
    Row(rule: "T-12 others", payload: claims(aud: #"["a","b"]"#), fault: .audienceMismatch(found: ["a", "b"])),
    Row(rule: "T-12 one of several", payload: claims(aud: #"["a","api"]"#), fault: nil),
  ]

  static let times = [
    Row(rule: "T-13 absent", payload: claims(exp: nil), fault: .claimMissing("exp")),
    Row(rule: "T-13 string", payload: claims(exp: #""9""#), fault: .claimMalformed("exp")),
    Row(rule: "T-13 null", payload: claims(exp: "null"), fault: .claimMalformed("exp")),
    Row(rule: "T-13 true", payload: claims(exp: "true"), fault: .claimMalformed("exp")),
    Row(rule: "T-13 list", payload: claims(exp: "[1750000600]"), fault: .claimMalformed("exp")),
    Row(rule: "T-13 no finite number", payload: claims(exp: "1e400"), fault: .claimsInvalid),
    Row(rule: "T-13 this second", payload: claims(exp: "1750000000"), fault: .expired(at: 1_750_000_000)),
    Row(rule: "T-13 the next second", payload: claims(exp: "1750000001"), fault: nil),
    Row(rule: "T-13 within this second", payload: claims(exp: "1750000000.5"), fault: nil),
    Row(rule: "T-13 just before", payload: claims(exp: "1749999999.999"), fault: .expired(at: 1_750_000_000)),
    Row(rule: "T-13 zero", payload: claims(exp: "0"), fault: .expired(at: 0)),
    Row(rule: "T-13 minus zero", payload: claims(exp: "-0.0"), fault: .expired(at: 0)),
    Row(rule: "T-13 exponent", payload: claims(exp: "1.7500006e9"), fault: nil),
    Row(rule: "T-13 the least integer", payload: claims(exp: "-9223372036854775808"), fault: .expired(at: -1 << 53)),
    Row(rule: "T-13 far below", payload: claims(exp: "-1e308"), fault: .expired(at: -1 << 53)),
    Row(rule: "T-13 the greatest integer", payload: claims(exp: "9223372036854775807"), fault: nil),
    Row(rule: "T-13 past every integer", payload: claims(exp: "1.8446744073709551616e19"), fault: nil),
    Row(rule: "T-13 an integer of 65 bits", payload: claims(exp: "18446744073709551616"), fault: .claimsInvalid),
    Row(rule: "T-13 the greatest number", payload: claims(exp: "1.7e308"), fault: nil),
    Row(rule: "T-13 nbf string", payload: claims(#","nbf":"1""#), fault: .claimMalformed("nbf")),
    Row(rule: "T-13 nbf null", payload: claims(#","nbf":null"#), fault: .claimMalformed("nbf")),
    Row(rule: "T-13 nbf now", payload: claims(#","nbf":1750000000"#), fault: nil),
    Row(rule: "T-13 nbf later", payload: claims(#","nbf":1750000001"#), fault: .notYetValid(until: 1_750_000_001)),
    Row(
      rule: "T-13 nbf a little later", payload: claims(#","nbf":1750000000.1"#),
      fault: .notYetValid(until: 1_750_000_001)),
    Row(rule: "T-13 nbf never", payload: claims(#","nbf":1e300"#), fault: .notYetValid(until: 1 << 53)),
    Row(rule: "T-13 nbf long ago", payload: claims(#","nbf":-1e300"#), fault: nil),
    Row(rule: "T-13 iat string", payload: claims(#","iat":"1""#), fault: .claimMalformed("iat")),
    Row(rule: "T-13 iat now", payload: claims(#","iat":1750000000"#), fault: nil),
    Row(rule: "T-13 iat later", payload: claims(#","iat":1750000001"#), fault: .issuedInFuture(at: 1_750_000_001)),
    Row(rule: "T-13 iat never", payload: claims(#","iat":9223372036854775807"#), fault: .issuedInFuture(at: 1 << 53)),
  ]

  static let subjects = [
    Row(rule: "sub absent", payload: claims(), fault: nil),
    Row(rule: "sub number", payload: claims(#","sub":7"#), fault: .claimMalformed("sub")),
    Row(rule: "sub null", payload: claims(#","sub":null"#), fault: .claimMalformed("sub")),
    Row(rule: "sub list", payload: claims(#","sub":["root"]"#), fault: .claimMalformed("sub")),
    Row(rule: "jti", payload: claims(#","jti":"17""#), fault: nil),
    Row(rule: "jti number", payload: claims(#","jti":17"#), fault: .claimMalformed("jti")),
    Row(rule: "jti null", payload: claims(#","jti":null"#), fault: .claimMalformed("jti")),
    Row(rule: "jti list", payload: claims(#","jti":["17"]"#), fault: .claimMalformed("jti")),
  ]

  @Test("Claims break one rule", arguments: documents + issuers + audiences + times + subjects)
  func claim(row: Row) throws {
    let issuer = try Issuer.shared.get()
    #expect(Check().fault(try issuer.token(payload: row.payload), issuer.keySet) == row.fault)
  }

  @Test("Claims are looked at after the signature", arguments: documents + issuers + audiences + times + subjects)
  func signatureFirst(row: Row) throws {
    let issuer = try Issuer.shared.get()
    // Signed with another key of the issuer.
    let token = try issuer.sign(header: SignatureAlgorithm.es256.header, payload: row.payload, with: .eddsa)
    #expect(Check().fault(token, issuer.keySet) == .signatureInvalid)
  }

  @Test(
    "Whose the refused claims are is said where they are the issuer's, and their signature held",
    arguments: [
      (claims(aud: #""other""#, #","sub":"alice""#), "alice"), (claims(exp: "0", #","sub":"alice""#), "alice"),
      (claims(aud: nil, #","sub":"alice""#), "alice"), (claims(aud: nil), nil),
      (claims(iss: #""https://other.example""#, #","sub":"alice""#), nil), (claims(iss: nil, #","sub":"alice""#), nil),
      (claims(iss: "7", #","sub":"alice""#), nil), (claims(#","sub":["alice"]"#), nil), ("[]", nil),
    ] as [(String, String?)])
  func subjectOfRefused(payload: String, subject: String?) throws {
    let issuer = try Issuer.shared.get()
    func error(_ token: [UInt8]) throws -> TokenError {
      try #require(throws: TokenError.self) { try Check()(token, issuer.keySet).get() }
    }
    #expect(try error(issuer.token(payload: payload)).subject == subject)
    let forged = try error(issuer.sign(header: SignatureAlgorithm.es256.header, payload: payload, with: .eddsa))
    #expect(forged.fault == .signatureInvalid && forged.subject == nil)
  }

  @Test("T-5: bad UTF-8 in claims")
  func badUTF8() throws {
    let issuer = try Issuer.shared.get()
    let payload =
      Array(Issuer.claims.dropLast().utf8) + Array(#","x":""#.utf8) + [0xED, 0xA0, 0x80] + Array("\"}".utf8)
    let token = try issuer.sign(header: Array(SignatureAlgorithm.es256.header.utf8), payload: payload, with: .es256)
    #expect(Check().fault(token, issuer.keySet) == .claimsInvalid)
  }

  @Test("T-13: leeway counts on each side, and to the second", arguments: [Int64(0), 1, 30, 60])
  func leeway(seconds: Int64) throws {
    let issuer = try Issuer.shared.get()
    let check = Check(leewaySeconds: seconds)
    let now = Issuer.now
    for (claims, fault) in [
      (ClaimTests.claims(exp: "\(now - seconds + 1)"), nil),
      (ClaimTests.claims(exp: "\(now - seconds)"), TokenError.Fault.expired(at: now - seconds)),
      (ClaimTests.claims(#","nbf":\#(now + seconds)"#), nil),
      (ClaimTests.claims(#","nbf":\#(now + seconds + 1)"#), .notYetValid(until: now + seconds + 1)),
      (ClaimTests.claims(#","iat":\#(now + seconds)"#), nil),
      (ClaimTests.claims(#","iat":\#(now + seconds + 1)"#), .issuedInFuture(at: now + seconds + 1)),
    ] {
      #expect(check.fault(try issuer.token(payload: claims), issuer.keySet) == fault, "\(claims)")
    }
  }

  @Test("T-16: a token is dead at its deadline and not before")
  func deadline() throws {
    let issuer = try Issuer.shared.get()
    let token = try issuer.token()
    let deadline = try Check(leewaySeconds: 30)(token, issuer.keySet).get().deadline
    #expect(Check(leewaySeconds: 30, now: deadline - 1).fault(token, issuer.keySet) == nil)
    #expect(Check(leewaySeconds: 30, now: deadline).fault(token, issuer.keySet) == .expired(at: deadline - 30))
  }

  @Test("A token is good for the greatest age that the policy gives it, to the second, and needs iat for it")
  func age() throws {
    let issuer = try Issuer.shared.get()
    let now = Issuer.now
    let check = Check(leewaySeconds: 5, ageMaxSeconds: 100)
    for (claims, fault) in [
      (ClaimTests.claims(#","iat":\#(now - 104)"#), nil),
      (ClaimTests.claims(#","iat":\#(now - 105)"#), TokenError.Fault.tooOld(issuedAt: now - 105)),
      (ClaimTests.claims(#","iat":\#(now - 105).5"#), nil),
      (ClaimTests.claims(#","iat":\#(now - 106).5"#), .tooOld(issuedAt: now - 105)),
      (ClaimTests.claims(#","iat":-1e300"#), .tooOld(issuedAt: -1 << 53)),
      (ClaimTests.claims(), .claimMissing("iat")),
      (ClaimTests.claims(exp: "\(now - 5)", #","iat":\#(now - 105)"#), .expired(at: now - 5)),
    ] {
      #expect(check.fault(try issuer.token(payload: claims), issuer.keySet) == fault, "\(claims)")
    }
    // T-16: what is remembered of it dies then too.
    let token = try issuer.token(payload: ClaimTests.claims(#","iat":\#(now)"#))
    #expect(try check(token, issuer.keySet).get().deadline == now + 105)
    let short = try issuer.token(payload: ClaimTests.claims(exp: "\(now + 50)", #","iat":\#(now)"#))
    #expect(try check(short, issuer.keySet).get().deadline == now + 55)
  }

  @Test("Claims that the policy requires have to be there, and not null")
  func required() throws {
    let issuer = try Issuer.shared.get()
    let inner = #"https://x\.example/a.b"#
    let check = Check(requiredClaims: [ClaimPath(name: "email"), try ClaimPath(inner)])
    let rest = #","https://x.example/a":{"b":0}"#
    for (more, missing) in [
      (#","email":"a@b""# + rest, nil), (#","email":false"# + rest, nil), (#","email":"""# + rest, nil),
      (rest, "email"), (#","email":null"# + rest, "email"), (#","Email":"a""# + rest, "email"),
      (#","email":1"#, inner), (#","email":1,"https://x.example/a":1"#, inner),
      (#","email":1,"https://x.example/a":{"b":null}"#, inner),
      (#","email":1,"https://x.example/a":[{"b":1}]"#, inner),
    ] {
      let fault = check.fault(try issuer.token(payload: ClaimTests.claims(more)), issuer.keySet)
      #expect(fault == missing.map { .claimMissing($0) }, "\(more)")
    }
  }

  @Test("T-12: where any audience will do, it need not be there, but has to be one")
  func anyAudience() throws {
    let issuer = try Issuer.shared.get()
    let check = Check(audiences: .any)
    for audience in [nil, #""other""#, "[]"] {
      #expect(check.fault(try issuer.token(payload: ClaimTests.claims(aud: audience)), issuer.keySet) == nil)
    }
    let fault = check.fault(try issuer.token(payload: ClaimTests.claims(aud: "7")), issuer.keySet)
    #expect(fault == .claimMalformed("aud"))
  }

  @Test("T-11, T-12: texts that Swift takes for equal are not")
  func canonicallyEquivalent() throws {
    let issuer = try Issuer.shared.get()
    let token = try issuer.token(payload: ClaimTests.claims(aud: "\"e\u{301}\""))
    #expect(Check(audiences: .oneOf(["\u{E9}"])).fault(token, issuer.keySet) == .audienceMismatch(found: ["e\u{301}"]))
    #expect(Check(audiences: .oneOf(["e\u{301}"])).fault(token, issuer.keySet) == nil)
  }

  private static func issuer(_ rule: String, _ name: String) -> Row {
    Row(rule: rule, payload: claims(iss: "\"\(name)\""), fault: .issuerUnknown(found: name))
  }

  private static func nested(_ depth: Int) -> String {
    String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
  }
}
