import Access
import Reason
import Testing
import Tokens

@Suite("Access rules")
struct AccessRuleTests {
  struct Row: Sendable, CustomTestStringConvertible {
    var authentication = Authentication.required(providers: ["company"])
    var requirement = Requirement()
    /// The claims of a token; nil: no token.
    let claims: String?
    var provider = "company"
    /// nil: allowed.
    let reason: Reason?

    var testDescription: String { "\(requirement), \(claims ?? "no token"): \(reason?.rawValue ?? "allowed")" }

    func check() throws {
      let identity = try claims.map { try Issuer.identity($0, provider: provider) } ?? .anonymous
      let rule = AccessRule(authentication: authentication, requirement: requirement)
      let facts = RequestFacts(path: Array("/".utf8), now: 1_800_000_000)
      #expect(rule.refusal(of: identity.claims, facts)?.reason == reason)
      do throws(Refusal) {
        let permit = try rule.permit(identity, facts)
        #expect(reason == nil, "only what is allowed has a permit")
        #expect(permit.identity.provider == identity.provider)
      } catch {
        #expect(error.reason == reason)
      }
    }
  }

  static let optional = Authentication.optional(providers: ["company", "local"])

  @Test(
    "Who is asked for a token, and of whom",
    arguments: [
      Row(authentication: .none, claims: nil, reason: nil), Row(authentication: .none, claims: "", reason: nil),
      Row(claims: nil, reason: .credentialMissing), Row(claims: "", reason: nil),
      Row(claims: "", provider: "other", reason: .issuerUnknown),
      Row(authentication: .required(providers: ["a", "b"]), claims: "", provider: "b", reason: nil),
      Row(authentication: .required(providers: []), claims: "", reason: .issuerUnknown),
      Row(authentication: optional, claims: nil, reason: nil), Row(authentication: optional, claims: "", reason: nil),
      Row(authentication: optional, claims: "", provider: "local", reason: nil),
      Row(authentication: optional, claims: "", provider: "other", reason: .issuerUnknown),
      // Nobody has none of what is required.
      Row(authentication: optional, requirement: .init([.roles(["admin"])]), claims: nil, reason: .credentialMissing),
      Row(authentication: optional, requirement: .init([.roles(["admin"])]), claims: "", reason: .roleMissing),
    ])
  func asks(_ row: Row) throws { try row.check() }

  private static func roleRow(_ claims: String, _ reason: Reason?) -> Row {
    Row(requirement: .init([.roles(["admin", "support"])]), claims: claims, reason: reason)
  }

  @Test(
    "T-17: one of the roles, as a whole word",
    arguments: [
      roleRow("\"roles\":[\"admin\"]", nil), roleRow("\"roles\":[\"x\",\"support\"]", nil),
      roleRow("\"roles\":\"admin\"", nil),
      roleRow("\"roles\":\"x admin\"", nil), roleRow("", .roleMissing), roleRow("\"roles\":null", .roleMissing),
      roleRow("\"roles\":[]", .roleMissing), roleRow("\"roles\":[\"xadmin\"]", .roleMissing),
      roleRow("\"roles\":[\"adminx\"]", .roleMissing), roleRow("\"roles\":[\"admin:x\"]", .roleMissing),
      roleRow("\"roles\":{\"admin\":1}", .roleMissing), roleRow("\"roles\":{\"admin\":true}", .roleMissing),
      roleRow("\"roles\":[\"Admin\"]", .roleMissing), roleRow("\"roles\":[\" admin\"]", .roleMissing),
      roleRow("\"roles\":[\"x admin\"]", .roleMissing), roleRow("\"roles\":\"x,admin\"", .roleMissing),
      roleRow("\"roles\":\"x\\tadmin\"", .roleMissing), roleRow("\"roles\":[[\"admin\"]]", .roleMissing),
      roleRow("\"roles\":[\"admin\",1]", .roleMissing), roleRow("\"roles\":true", .roleMissing),
      roleRow("\"role\":\"admin\"", .roleMissing), roleRow("\"roles\":[\"admin\\u0000\"]", .roleMissing),
    ])
  func needsRole(_ row: Row) throws { try row.check() }

  private static func wordRow(_ claims: String, _ reason: Reason?) -> Row {
    Row(requirement: .init([.scopes(["a:r", "a:w"]), .permissions(["p", "q"])]), claims: claims, reason: reason)
  }

  @Test(
    "T-17, RFC 6749 §3.3: all of the scopes, all of the permissions",
    arguments: [
      wordRow("\"scope\":\"a:r a:w\",\"permissions\":[\"p\",\"q\"]", nil),
      wordRow("\"scope\":[\"x\",\"a:w\",\"a:r\"],\"permissions\":\"q p\"", nil),
      wordRow("\"scope\":\"a:r\",\"permissions\":[\"p\",\"q\"]", .scopeMissing),
      wordRow("\"scope\":\"a:w\",\"permissions\":[\"p\",\"q\"]", .scopeMissing),
      wordRow("\"scope\":\"a:r a:wx\",\"permissions\":[\"p\",\"q\"]", .scopeMissing),
      wordRow("\"permissions\":[\"p\",\"q\"]", .scopeMissing), wordRow("\"scope\":\"a:r a:w\"", .permissionMissing),
      wordRow("\"scope\":\"a:r a:w\",\"permissions\":[\"p\"]", .permissionMissing),
      wordRow("\"scope\":\"a:r a:w\",\"permissions\":[\"p q\"]", .permissionMissing),
    ])
  func needsWords(_ row: Row) throws { try row.check() }

  private static func claimRow(_ claims: String, _ reason: Reason?) throws -> Row {
    let requirement = Requirement([
      .claim(try ClaimPath("org.tenant"), [.string("acme"), .integer(7)]),
      .claim(ClaimPath(name: "ok"), [.boolean(true)]),
    ])
    return Row(requirement: requirement, claims: claims, reason: reason)
  }

  @Test(
    "Each claim has one of the values, or holds one; quotes decide",
    arguments: try [
      claimRow("\"org\":{\"tenant\":\"acme\"},\"ok\":true", nil), claimRow("\"org\":{\"tenant\":7},\"ok\":true", nil),
      claimRow("\"org\":{\"tenant\":[\"x\",\"acme\"]},\"ok\":[true]", nil),
      claimRow("\"org\":{\"tenant\":\"7\"},\"ok\":true", .claimMismatch),
      claimRow("\"org\":{\"tenant\":7.5},\"ok\":true", .claimMismatch),
      claimRow("\"org\":{\"tenant\":\"acme \"},\"ok\":true", .claimMismatch),
      claimRow("\"org\":{\"tenant\":[[\"acme\"]]},\"ok\":true", .claimMismatch),
      claimRow("\"org\":{\"tenant\":{\"acme\":1}},\"ok\":true", .claimMismatch),
      claimRow("\"org\":{\"tenant\":null},\"ok\":true", .claimMismatch),
      claimRow("\"org\":\"acme\",\"ok\":true", .claimMismatch),
      claimRow("\"org.tenant\":\"acme\",\"ok\":true", .claimMismatch), claimRow("\"ok\":true", .claimMismatch),
      claimRow("\"org\":{\"tenant\":\"acme\"},\"ok\":\"true\"", .claimMismatch),
      claimRow("\"org\":{\"tenant\":\"acme\"},\"ok\":1", .claimMismatch),
      claimRow("\"org\":{\"tenant\":\"acme\"},\"ok\":false", .claimMismatch),
      claimRow("\"org\":{\"tenant\":\"acme\"}", .claimMismatch),
    ])
  func needsClaims(_ row: Row) throws { try row.check() }

  @Test("RFC 7519 §7.3: texts that Swift takes for the same are not")
  func canonicalEquivalence() throws {
    let composed = Requirement([.roles(["caf\u{E9}"])])
    try Row(requirement: composed, claims: "\"roles\":[\"caf\\u00e9\"]", reason: nil).check()
    try Row(requirement: composed, claims: "\"roles\":[\"cafe\\u0301\"]", reason: .roleMissing).check()
  }

  @Test("Claims that are only supposed are decided as a token's")
  func supposed() throws {
    var claims = StatedClaims()
    claims.subject = "alice"
    claims.roles = ["admin"]
    claims.others = [(try ClaimPath("org.tenant"), .string("acme"))]
    var policy = TokenPolicy(provider: "company", issuer: "https://id.example", audiences: .any)
    policy.claims.roles = try ClaimPath("realm.roles")
    let supposed = try ClaimsSet(supposing: claims, authenticatedAt: 5, policy)
    let facts = RequestFacts(path: Array("/".utf8), now: 6)
    let rule = AccessRule(
      authentication: .required(providers: ["company"]),
      requirement: Requirement([
        .roles(["admin"]), .claim(try ClaimPath("org.tenant"), [.string("acme")]), .authenticationAge(1),
      ]))
    #expect(rule.refusal(of: supposed, facts) == nil)
    #expect(supposed.subject == "alice")
    claims.others.append((ClaimPath(name: "org"), .integer(1)))
    claims.others.append((try ClaimPath("org.tenant"), .integer(1)))
    #expect(throws: ClaimConflict.self) { try ClaimsSet(supposing: claims, authenticatedAt: nil, policy) }
  }

  @Test("A refusal says the scopes that the challenge names")
  func saysWhy() throws {
    let rule = AccessRule(
      authentication: .required(providers: ["company"]), requirement: .init([.scopes(["a", "b"])]))
    let refusal = try #require(
      rule.refusal(of: try Issuer.claims("\"scope\":\"b c\""), RequestFacts(path: [], now: 0)))
    #expect(refusal.reason == .scopeMissing)
    #expect(refusal.remedy.scopes == ["a", "b"])
  }
}
