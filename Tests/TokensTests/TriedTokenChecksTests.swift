import Crypto
import Reason
import Testing

@testable import Tokens

@Suite("Checks that a provider tries")
struct TriedTokenChecksTests {
  private let now = Issuer.now

  private func policy(_ tried: TriedTokenChecks?) -> TokenPolicy {
    TokenPolicy(
      provider: "idp", issuer: Issuer.name, audiences: .oneOf(["api", "old"]), leewaySeconds: 0,
      requiredClaims: [ClaimPath(name: "sub")], tried: tried)
  }

  private func verified(
    _ tried: TriedTokenChecks?, _ more: String = "", audience: String = "api", type: String? = nil
  ) throws -> ClaimsSet {
    let issuer = try Issuer.shared.get()
    let header = #"{"alg":"ES256","kid":"es256"\#(type.map { #","typ":"\#($0)""# } ?? "")}"#
    let payload = #"{"iss":"https://idp.example","aud":"\#(audience)","exp":\#(now + 100),"sub":"a"\#(more)}"#
    return try verify(try issuer.sign(header: header, payload: payload), tried).claims
  }

  private func verify(_ token: [UInt8], _ tried: TriedTokenChecks?) throws -> VerifiedToken {
    let keys = try Issuer.shared.get().keySet
    return try TokenVerifier(policy(tried)).verify(token.span, keys: keys, now: now, using: SignatureVerifier())
  }

  @Test("Each is decided as if it were enforced, and the token is good all the same")
  func decided() throws {
    let audience = TriedTokenChecks(audiences: .oneOf(["api"]))
    #expect(try verified(audience).triedRefusal(at: now) == nil)
    #expect(try verified(audience, audience: "old").triedRefusal(at: now) == .audienceMismatch)
    let type = TriedTokenChecks(type: "at+jwt")
    #expect(try verified(type, type: "at+jwt").triedRefusal(at: now) == nil)
    #expect(try verified(type, type: "JWT").triedRefusal(at: now) == .tokenTypeRefused)
    #expect(try verified(type).triedRefusal(at: now) == .tokenTypeRefused)
    let claims = TriedTokenChecks(requiredClaims: [ClaimPath(name: "jti")])
    #expect(try verified(claims, #","jti":"1""#).triedRefusal(at: now) == nil)
    #expect(try verified(claims).triedRefusal(at: now) == .claimMissing)
    #expect(try verified(nil).areTried == false)
    #expect(try verified(claims).areTried)
    // The first one, in the order in which they would be enforced.
    let all = TriedTokenChecks(
      audiences: .oneOf(["api"]), ageMaxSeconds: 10, type: "at+jwt", requiredClaims: [ClaimPath(name: "jti")])
    #expect(try verified(all, audience: "old").triedRefusal(at: now) == .tokenTypeRefused)
    #expect(try verified(all, audience: "old", type: "at+jwt").triedRefusal(at: now) == .audienceMismatch)
  }

  @Test("A token that was verified grows too old, to the second")
  func age() throws {
    let age = TriedTokenChecks(ageMaxSeconds: 50)
    let token = try verified(age, #","iat":\#(now - 10)"#)
    #expect(token.triedRefusal(at: now + 39) == nil)
    #expect(token.triedRefusal(at: now + 40) == .tokenTooOld)
    #expect(try verified(age, #","iat":\#(now - 50)"#).triedRefusal(at: now) == .tokenTooOld)
    #expect(try verified(age).triedRefusal(at: now) == .claimMissing)
    // When it is refused in fact is another matter.
    let issuer = try Issuer.shared.get()
    let payload = #"{"iss":"https://idp.example","aud":"api","exp":\#(now + 100),"sub":"a","iat":\#(now)}"#
    let known = try verify(try issuer.token(payload: payload), age)
    #expect(known.deadline == now + 100)
  }

  @Test("What is wrong now is refused, whatever is tried: nothing that is tried lets anybody in")
  func enforced() throws {
    let wider = TriedTokenChecks(audiences: .oneOf(["other"]), ageMaxSeconds: 1 << 30, type: "other")
    #expect(throws: TokenError.self) { try verified(wider, audience: "other") }
    #expect(throws: TokenError.self) { try verified(wider, type: "other") }
  }

  @Test("T-6: of an introspected JWT the header is tried, too; an opaque token has none")
  func introspectedHeader() throws {
    let tried = policy(TriedTokenChecks(type: "at+jwt"))
    for (token, reason) in [
      (#"{"alg":"ES256","typ":"at+jwt"}"#, nil), (#"{"alg":"ES256"}"#, Reason.tokenTypeRefused), ("opaque", nil),
    ] {
      let token = "\(Base64URL.text(Array(token.utf8))).e30.AA"
      let said = #"{"active":true,"sub":"a","aud":"api","iat":\#(now)}"#
      let introspected = try IntrospectedToken(
        of: Array(token.utf8), response: Array(said.utf8), tried, now: now, cacheSeconds: 300)
      #expect(introspected.claims.triedRefusal(at: now) == reason, "\(token)")
    }
  }

  @Test("Of an issuer's answer, and of supposed claims, what is in the header is not looked at")
  func withoutHeader() throws {
    let tried = policy(TriedTokenChecks(audiences: .oneOf(["api"]), ageMaxSeconds: 60, type: "at+jwt"))
    func answered(_ members: String) throws -> Reason? {
      try IntrospectedToken(
        response: Array(#"{"active":true,"sub":"a"\#(members)}"#.utf8), tried, now: now, cacheSeconds: 300
      ).claims.triedRefusal(at: now)
    }
    #expect(try answered(#","aud":"api","iat":\#(now)"#) == nil)
    #expect(try answered(#","aud":"old","iat":\#(now)"#) == .audienceMismatch)
    #expect(try answered(#","aud":"api","iat":\#(now - 60)"#) == .tokenTooOld)

    func supposed(_ audience: String?, issuedAgo: Int64? = nil) throws -> Reason? {
      var stated = StatedClaims()
      stated.subject = "a"
      if let audience { stated.others.append((ClaimPath(name: "aud"), .string(audience))) }
      if let issuedAgo { stated.others.append((ClaimPath(name: "iat"), .integer(now - issuedAgo))) }
      return try ClaimsSet(supposing: stated, authenticatedAt: nil, tried, triedAt: now).triedRefusal(at: now)
    }
    #expect(try supposed(nil) == nil)
    #expect(try supposed("old") == .audienceMismatch)
    #expect(try supposed(nil, issuedAgo: 61) == .tokenTooOld)
  }
}
