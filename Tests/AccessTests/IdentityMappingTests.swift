import Access
import Reason
import Testing
import Tokens

@Suite("Identity headers")
struct IdentityMappingTests {
  private static let one = IdentityMapping(headers: [("X", ClaimPath(name: "c"))], defaults: .leftOut)

  /// The value of the one header; nil where there is no line.
  private static func value(_ claim: String) throws -> String? {
    let lines = try one.render(try Issuer.claims("\"c\":\(claim)"))
    if lines.isEmpty { return nil }
    let text = String(decoding: lines, as: UTF8.self)
    #expect(text.hasPrefix("X: ") && text.hasSuffix("\r\n"))
    return String(text.unicodeScalars.dropFirst(3).dropLast(2))
  }

  @Test(
    "I-4: visible ASCII and inner spaces; `%`, outer spaces and all else percent-encoded",
    arguments: [
      ("\"alice\"", "alice"), ("\"a b\"", "a b"), ("\" a b \"", "%20a b%20"), ("\"  \"", "%20%20"), ("\" \"", "%20"),
      ("\"100%\"", "100%25"), ("\"%41\"", "%2541"), ("\"é\"", "%C3%A9"), ("\"\\ud83d\\ude00\"", "%F0%9F%98%80"),
      ("\"\\u2028\"", "%E2%80%A8"), ("\"\\u00a0\"", "%C2%A0"), ("\"a,b;c=\\\"d\\\"\\\\:@~\"", "a,b;c=\"d\"\\:@~"),
      ("7", "7"), ("-9223372036854775808", "-9223372036854775808"), ("1.5", "1.5"), ("true", "true"),
      ("false", "false"),
    ])
  func encodes(claim: String, value: String) throws {
    #expect(try Self.value(claim) == value)
  }

  @Test(
    "I-5: a list is one line, and commas inside its items are encoded",
    arguments: [
      ("[\"a,admin\"]", "a%2Cadmin"), ("[\"a\",\"admin\"]", "a,admin"), ("[\" a\",\"b \"]", "%20a,b%20"),
      ("[\"a\",7,true]", "a,7,true"), ("[\"%2C\"]", "%252C"), ("[\"\",\"a\"]", ",a"),
    ])
  func lists(claim: String, value: String) throws {
    #expect(try Self.value(claim) == value)
  }

  @Test("A claim that says nothing has no line", arguments: ["null", "\"\"", "[]", "[\"\"]"])
  func nothing(claim: String) throws {
    #expect(try Self.value(claim) == nil)
  }

  @Test("A claim that is not there has no line")
  func absent() throws {
    #expect(try Self.one.render(try Issuer.claims()).isEmpty)
    #expect(try Self.one.render(nil).isEmpty)
  }

  @Test(
    "I-4: a control character, C1 included, and what has no one text refuse the request",
    arguments: [
      "\"a\\r\\nX: y\"", "\"\\n\"", "\"\\u0000\"", "\"a\\tb\"", "\"\\u001f\"", "\"\\u007f\"", "\"\\u0080\"",
      "\"\\u0085\"",
      "\"\\u009f\"", "[\"a\",\"b\\n\"]", "{\"a\":1}", "{}", "[[\"a\"]]", "[{}]", "[null]",
    ])
  func refuses(claim: String) throws {
    let claims = try Issuer.claims("\"c\":\(claim)")
    let error = #expect(throws: IdentityHeaderError.self) { try Self.one.render(claims) }
    #expect(error?.reason == .identityInvalid)
    #expect(error?.header == "X")
  }

  @Test("The default headers, in their order; what a mapping names itself replaces a default")
  func defaults() throws {
    let claims = try Issuer.claims(
      "\"sub\":\"alice\",\"preferred_username\":\"al\",\"email\":\"a@b.example\",\"roles\":[\"a,b\",\"c\"],\"t\":\"acme\""
    )
    let lines = String(decoding: try IdentityMapping.defaults.render(claims), as: UTF8.self)
    #expect(
      lines == "X-Forwarded-User: alice\r\nX-Forwarded-Preferred-Username: al\r\n"
        + "X-Forwarded-Email: a@b.example\r\nX-Forwarded-Groups: a%2Cb,c\r\n")
    let own = IdentityMapping(
      headers: [("x-forwarded-USER", ClaimPath(name: "t")), ("X-Tenant", ClaimPath(name: "t"))], defaults: .included)
    #expect(
      own.headerNames == [
        "X-Forwarded-Preferred-Username", "X-Forwarded-Email", "X-Forwarded-Groups", "x-forwarded-USER", "X-Tenant",
      ])
    let replaced = String(decoding: try own.render(claims), as: UTF8.self)
    #expect(replaced.contains("x-forwarded-USER: acme\r\n") && !replaced.contains("alice"))
  }

  @Test(
    "I-9: an address is told unless it is said not to be verified",
    arguments: [
      ("", true), (",\"email_verified\":null", true), (",\"email_verified\":true", true),
      (",\"email_verified\":false", false), (",\"email_verified\":\"false\"", false), (",\"email_verified\":1", false),
      (",\"email_verified\":{}", false),
    ])
  func verifiedAddress(claims: String, isTold: Bool) throws {
    let lines = try IdentityMapping.defaults.render(try Issuer.claims("\"email\":\"a@b.example\"" + claims))
    #expect(String(decoding: lines, as: UTF8.self).contains("X-Forwarded-Email: a@b.example\r\n") == isTold)
  }

  @Test(
    "I-9: what is not one address is told in no header, verified or not",
    arguments: ["\"a@evil@b.example\"", "\"b.example\"", "7", "{}", "[\"a@b.example\",\"c@evil@d.example\"]"],
    ["", ",\"email_verified\":true"])
  func notOneAddress(email: String, verified: String) throws {
    let mapping = IdentityMapping(headers: [("X-Mail", ClaimPath(name: "email"))], defaults: .included)
    #expect(try mapping.render(try Issuer.claims("\"email\":\(email)" + verified)).isEmpty)
  }

  @Test(
    "A role or subject that cannot be told refuses the request",
    arguments: ["\"roles\":[\"a\\n\"]", "\"sub\":\"a\\u0000\""])
  func defaultsRefuse(claims: String) throws {
    let claims = try Issuer.claims(claims)
    #expect(throws: IdentityHeaderError.self) { try IdentityMapping.defaults.render(claims) }
  }

  @Test("A nested claim")
  func nested() throws {
    let mapping = IdentityMapping(headers: [("X", try ClaimPath("org.name"))], defaults: .leftOut)
    #expect(try mapping.render(try Issuer.claims("\"org\":{\"name\":\"n\"}")) == Array("X: n\r\n".utf8))
    #expect(try mapping.render(try Issuer.claims("\"org\":\"n\"")).isEmpty)
  }
}
