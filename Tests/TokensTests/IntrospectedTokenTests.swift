import Reason
import Testing

@testable import Tokens

@Suite("Claims of an issuer's answer (RFC 7662 §2.2)")
struct IntrospectedTokenTests {
  private static func policy(_ audiences: Audiences = .oneOf(["api"]), ageMaxSeconds: Int64? = nil) -> TokenPolicy {
    TokenPolicy(
      provider: "company", issuer: Issuer.name, audiences: audiences, leewaySeconds: 30, ageMaxSeconds: ageMaxSeconds,
      requiredClaims: [])
  }

  /// The response, read; `members` begins with a comma.
  private static func read(
    _ members: String, _ policy: TokenPolicy = policy(), cacheSeconds: Int64 = 300
  ) throws(TokenError) -> IntrospectedToken {
    try IntrospectedToken(
      response: Array("{\"active\":true\(members)}".utf8), policy, now: Issuer.now, cacheSeconds: cacheSeconds)
  }

  private static func reason(_ members: String, _ policy: TokenPolicy = policy()) -> Reason? {
    do throws(TokenError) {
      _ = try read(members, policy)
      return nil
    } catch {
      return error.reason
    }
  }

  @Test("Who it is and what they may do")
  func claims() throws {
    let token = try Self.read(
      #","iss":"https://idp.example","aud":"api","sub":"alice","scope":"read write","roles":["admin"],"tenant":"acme""#)
    #expect(token.claims.provider == "company")
    #expect(token.claims.issuer == Issuer.name)
    #expect(token.claims.subject == "alice")
    #expect(token.claims.scopes == ["read", "write"])
    #expect(token.claims.hasRole("admin"))
    #expect(token.claims.claim(ClaimPath(name: "tenant")) == .string("acme"))
  }

  struct Header: Sendable, CustomTestStringConvertible {
    let text: String
    var type: String?
    let reason: Reason?
    var testDescription: String { "\(text), \(type ?? "any type"): \(reason?.rawValue ?? "good")" }
  }

  @Test(
    "T-6: the header of what is introspected is checked as that of a token that is verified here",
    arguments: [
      Header(text: #"{"alg":"ES256"}"#, reason: nil),
      Header(text: #"{"alg":"ES256","typ":"JWT"}"#, reason: nil),
      Header(text: #"{"alg":"ES256","typ":"application/AT+jwt"}"#, reason: nil),
      Header(text: #"{"alg":"ES256","typ":"logout+jwt"}"#, reason: .tokenTypeRefused),
      Header(text: #"{"alg":"ES256","typ":"portcullis-assertion+jwt"}"#, reason: .tokenTypeRefused),
      Header(text: #"{"alg":"other","typ":"logout+jwt"}"#, reason: .tokenTypeRefused),
      Header(text: #"{"alg":"ES256","typ":"at+jwt"}"#, type: "at+jwt", reason: nil),
      Header(text: #"{"alg":"ES256","typ":"JWT"}"#, type: "at+jwt", reason: .tokenTypeRefused),
      Header(text: #"{"alg":"ES256"}"#, type: "at+jwt", reason: .tokenTypeRefused),
      Header(text: #"{"alg":"ES256","typ":7}"#, reason: .tokenHeaderInvalid),
      Header(text: #"{"typ":"logout+jwt"}"#, reason: .tokenHeaderInvalid),
      Header(text: #"{"alg":"ES256","cty":"JWT"}"#, reason: .tokenExtensionRefused),
      // What is not a JWS has no type: a value signed by another scheme, or no JSON at all.
      Header(text: #"{"user":"alice"}"#, type: "at+jwt", reason: nil),
      Header(text: #"["alg"]"#, type: "at+jwt", reason: nil),
      Header(text: #"{"alg":"ES256","typ":"JWT""#, type: "at+jwt", reason: nil),
    ])
  func header(_ row: Header) throws {
    var policy = Self.policy()
    policy.type = row.type
    // The end is one that only a lenient issuer reads.
    for end in [".e30.AA", ".e30.AA==", ".~."] {
      let token = Array((Base64URL.text(Array(row.text.utf8)) + end).utf8)
      func reason(_ check: () throws(TokenError) -> Void) -> Reason? {
        do throws(TokenError) {
          try check()
          return nil
        } catch {
          return error.reason
        }
      }
      #expect(reason { () throws(TokenError) in try IntrospectedToken.checkHeader(token.span, policy) } == row.reason)
      #expect(
        reason { () throws(TokenError) in
          _ = try IntrospectedToken(
            of: token, response: Array(#"{"active":true,"aud":"api"}"#.utf8), policy, now: Issuer.now, cacheSeconds: 0)
        } == row.reason)
    }
  }

  @Test("T-13: the issuer's word is not taken for older than it is by a clock that was set back")
  func validFrom() throws {
    #expect(try Self.read(#","aud":"api","iat":\#(Issuer.now - 60)"#).validFrom == Issuer.now)
  }

  struct Row: Sendable, CustomTestStringConvertible {
    let members: String
    let reason: Reason?
    var testDescription: String { "\(members): \(reason?.rawValue ?? "good")" }
  }

  @Test(
    "What is said is checked as a token's claims are; issuer, times and subject may be left out",
    arguments: [
      Row(members: #","aud":"api""#, reason: nil),
      Row(members: #","aud":["x","api"]"#, reason: nil),
      Row(members: #","aud":"api","iss":"https://idp.example""#, reason: nil),
      Row(members: #","aud":"api","iss":"https://idp.example/""#, reason: .issuerUnknown),
      Row(members: #","aud":"api","iss":"https://IDP.example""#, reason: .issuerUnknown),
      Row(members: #","aud":"api","iss":null"#, reason: .claimMalformed),
      Row(members: #","aud":"api","iss":["https://idp.example"]"#, reason: .claimMalformed),
      Row(members: "", reason: .claimMissing),
      Row(members: #","aud":"API""#, reason: .audienceMismatch),
      Row(members: #","aud":[]"#, reason: .audienceMismatch),
      Row(members: #","aud":null"#, reason: .claimMalformed),
      Row(members: #","aud":"api","exp":1750000600"#, reason: nil),
      Row(members: #","aud":"api","exp":1749999971"#, reason: nil),
      Row(members: #","aud":"api","exp":1749999970"#, reason: .tokenExpired),
      Row(members: #","aud":"api","exp":"1750000600""#, reason: .claimMalformed),
      Row(members: #","aud":"api","exp":null"#, reason: .claimMalformed),
      Row(members: #","aud":"api","nbf":1750000030"#, reason: nil),
      Row(members: #","aud":"api","nbf":1750000031"#, reason: .tokenNotYetValid),
      Row(members: #","aud":"api","iat":1750000031"#, reason: .tokenIssuedInFuture),
      Row(members: #","aud":"api","sub":7"#, reason: .claimMalformed),
      Row(members: #","aud":"api","token_type":"Bearer""#, reason: nil),
      Row(members: #","aud":"api","token_type":"BEARER""#, reason: nil),
      Row(members: #","aud":"api","token_type":"bearer ""#, reason: .tokenTypeRefused),
      Row(members: #","aud":"api","token_type":"mac""#, reason: .tokenTypeRefused),
      Row(members: #","aud":"api","token_type":"""#, reason: .tokenTypeRefused),
      Row(members: #","aud":"api","token_type":null"#, reason: .claimMalformed),
      Row(members: #","aud":"api","token_type":"DPoP""#, reason: .tokenTypeRefused),
      Row(members: #","aud":"api","aud":"api""#, reason: .claimsInvalid),
    ])
  func checks(_ row: Row) {
    #expect(Self.reason(row.members) == row.reason)
  }

  @Test(
    "Whose the refused token is, as its issuer has said",
    arguments: [
      (#","aud":"other","sub":"alice""#, "alice"), (#","aud":"api","sub":"alice","token_type":"mac""#, "alice"),
      (#","aud":"api","sub":"alice","iss":"https://other.example""#, nil), (#","aud":"other""#, nil),
    ] as [(String, String?)])
  func subjectOfRefused(members: String, subject: String?) {
    let error = #expect(throws: TokenError.self) { try Self.read(members) }
    #expect(error?.subject == subject)
  }

  @Test(
    "I-9: an address names nobody whose it is not known to be",
    arguments: [(#""email_verified":true"#, "a@b.example"), (#""email_verified":false"#, nil), (#""x":1"#, nil)]
      as [(String, String?)])
  func addressOfRefused(member: String, subject: String?) {
    var claims = ClaimMapping()
    claims.subject = ClaimPath(name: "email")
    let policy = TokenPolicy(provider: "company", issuer: Issuer.name, audiences: .oneOf(["other"]), claims: claims)
    let error = #expect(throws: TokenError.self) {
      try Self.read(#","aud":"api","email":"a@b.example",\#(member)"#, policy)
    }
    #expect(error?.reason == .audienceMismatch && error?.subject == subject)
  }

  @Test("A token that is bound says to what, and keeps it to be checked")
  func bound() throws {
    let token = try Self.read(#","aud":"api","token_type":"DPoP","cnf":{"jkt":"x"}"#)
    #expect(try token.claims.claim(ClaimPath("cnf.jkt")) == .string("x"))
  }

  @Test("Without audiences in the configuration none has to be there")
  func anyAudience() {
    #expect(Self.reason("", Self.policy(.any)) == nil)
    #expect(Self.reason(#","aud":"other""#, Self.policy(.any)) == nil)
    #expect(Self.reason(#","aud":7"#, Self.policy(.any)) == .claimMalformed)
  }

  @Test(
    "The issuer's word is taken for `cache`, and never past the token's end",
    arguments: [
      (#","aud":"api""#, 300, 300), (#","aud":"api","exp":1750000600"#, 300, 300),
      (#","aud":"api","exp":1750000100"#, 300, 130), (#","aud":"api","exp":1749999990"#, 300, 20),
      (#","aud":"api","exp":1750000600"#, 0, 0), (#","aud":"api","exp":1e300"#, 300, 300),
    ] as [(String, Int64, Int64)])
  func deadline(members: String, cacheSeconds: Int64, seconds: Int64) throws {
    #expect(try Self.read(members, cacheSeconds: cacheSeconds).deadline == Issuer.now + seconds)
  }

  @Test("max_age counts here too, and needs an iat")
  func age() throws {
    let policy = Self.policy(ageMaxSeconds: 60)
    #expect(Self.reason(#","aud":"api""#, policy) == .claimMissing)
    #expect(Self.reason(#","aud":"api","iat":1749999900"#, policy) == .tokenTooOld)
    #expect(try Self.read(#","aud":"api","iat":1750000000"#, policy).deadline == Issuer.now + 90)
  }

  @Test("No strict JSON object is no claims set", arguments: ["", "[]", "{\"a\":1,\"a\":2}", "{} x", "null"])
  func malformed(response: String) {
    #expect(throws: TokenError.self) {
      try IntrospectedToken(response: Array(response.utf8), Self.policy(.any), now: Issuer.now, cacheSeconds: 1)
    }
  }
}
