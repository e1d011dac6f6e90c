import Access
import Reason
import Testing
import Tokens

@Suite("Requirements")
struct RequirementTests {
  private static let now: UnixSeconds = 1_800_000_000

  private static func verdict(
    _ conditions: [Requirement.Condition], _ claims: String, path: String = "/"
  ) throws -> Refusal? {
    let rule = AccessRule(
      authentication: .required(providers: ["company"]), requirement: Requirement(conditions))
    return rule.refusal(of: try Issuer.claims(claims), RequestFacts(path: Array(path.utf8), now: now))
  }

  // MARK: Trees

  struct Tree: Sendable, CustomTestStringConvertible {
    let claims: String
    let reason: Reason?
    var testDescription: String { "\(claims): \(reason?.rawValue ?? "allowed")" }
  }

  @Test(
    "A role, and one of two ways, and none of the excluded",
    arguments: [
      Tree(claims: "\"roles\":[\"clerk\"],\"scope\":\"a\"", reason: nil),
      Tree(claims: "\"roles\":[\"clerk\"],\"permissions\":[\"p\"],\"tenant\":\"acme\"", reason: nil),
      Tree(claims: "\"roles\":[\"clerk\"],\"permissions\":[\"p\"]", reason: .requirementUnmet),
      Tree(claims: "\"roles\":[\"clerk\"]", reason: .requirementUnmet),
      Tree(claims: "\"scope\":\"a\"", reason: .roleMissing),
      Tree(claims: "\"roles\":[\"clerk\",\"suspended\"],\"scope\":\"a\"", reason: .requirementExcluded),
    ])
  func tree(_ row: Tree) throws {
    let conditions: [Requirement.Condition] = [
      .roles(["clerk"]),
      .any([
        Requirement([.scopes(["a"])]),
        Requirement([.permissions(["p"]), .claim(ClaimPath(name: "tenant"), [.string("acme")])]),
      ]),
      .not(Requirement([.roles(["suspended"])])),
    ]
    #expect(try Self.verdict(conditions, row.claims)?.reason == row.reason)
  }

  @Test(
    "I-9: a rule about mail goes by a verified address alone, with one `@`; under `not` it lets nobody in without",
    arguments: [
      Tree(claims: "\"email\":\"a@b.example\",\"email_verified\":true", reason: nil),
      Tree(claims: "\"email\":[\"a@b.example\"],\"email_verified\":true", reason: nil),
      Tree(claims: "\"email\":\"a@b.example\"", reason: .claimMismatch),
      Tree(claims: "\"email\":\"a@b.example\",\"email_verified\":null", reason: .claimMismatch),
      Tree(claims: "\"email\":\"a@b.example\",\"email_verified\":false", reason: .claimMismatch),
      Tree(claims: "\"email\":\"a@b.example\",\"email_verified\":\"true\"", reason: nil),
      Tree(claims: "\"email\":\"a@b.example\",\"email_verified\":\"True\"", reason: .claimMismatch),
      Tree(claims: "\"email\":\"a@b.example\",\"email_verified\":\"false\"", reason: .claimMismatch),
      Tree(claims: "\"email\":\"a@evil@b.example\",\"email_verified\":true", reason: .claimMismatch),
      Tree(claims: "\"email\":\"b.example\",\"email_verified\":true", reason: .claimMismatch),
      Tree(claims: "\"email\":[\"a@b.example\",7],\"email_verified\":true", reason: .claimMismatch),
    ])
  func verifiedAddress(_ row: Tree) throws {
    let path = ClaimPath(name: "email")
    let values = ["a@b.example", "a@evil@b.example", "b.example"].map { ClaimScalar.string($0) }
    #expect(try Self.verdict([.claim(path, values)], row.claims)?.reason == row.reason)
    let owner = try Requirement.Owner("id", of: "/{id}", claim: path)
    #expect(
      (try Self.verdict([.owner(owner)], row.claims, path: "/a@b.example") == nil)
        == (row.reason == nil && !row.claims.contains("[")))
    let others: Requirement.Condition = .not(Requirement([.claim(path, [.string("x@b.example")])]))
    #expect((try Self.verdict([others], row.claims) == nil) == (row.reason == nil))
    #expect(try Self.verdict([others], "\"sub\":\"alice\"") == nil)
  }

  @Test("What `all` lacks is what its part lacks")
  func all() throws {
    let all: [Requirement.Condition] = [
      .all([Requirement([.roles(["a"])]), Requirement([.permissions(["p"])])])
    ]
    #expect(try Self.verdict(all, "\"roles\":\"a\"")?.reason == .permissionMissing)
    #expect(try Self.verdict(all, "\"permissions\":\"p\"")?.reason == .roleMissing)
    #expect(try Self.verdict(all, "\"roles\":\"a\",\"permissions\":\"p\"") == nil)
  }

  @Test("`any` says what each of its ways lacked")
  func saysLacks() throws {
    let ways: Requirement.Condition = .any([
      Requirement([.roles(["admin"])]), Requirement([.roles(["clerk"]), .permissions(["p"])]),
    ])
    let rule = AccessRule(authentication: .required(providers: ["company"]), requirement: Requirement([ways]))
    let finding = rule.findings(
      try Issuer.claims("\"roles\":[\"clerk\"]"), RequestFacts(path: Array("/".utf8), now: Self.now)
    ).last
    #expect(finding?.expected == "any of 2")
    #expect(
      finding?.found
        == "none: needed 1: any of the roles admin (found clerk); 2: the permission p (found none)")
  }

  @Test(
    "What a claim does not say in words lets nobody in, and least of all where it must not hold",
    arguments: [
      "\"roles\":[\"suspended\",7]", "\"roles\":[\"suspended\",null]", "\"roles\":{\"suspended\":true}", "\"roles\":7",
      "\"roles\":[[\"suspended\"]]",
    ])
  func unreadable(claims: String) throws {
    let excluded: Requirement.Condition = .not(Requirement([.roles(["suspended"])]))
    #expect(try Self.verdict([excluded], claims)?.reason == .requirementExcluded)
    #expect(try Self.verdict([.not(Requirement([excluded]))], claims) != nil)
    #expect(try Self.verdict([.roles(["suspended"])], claims)?.reason == .roleMissing)
    #expect(try Self.verdict([excluded], "\"roles\":[\"other\"]") == nil)
    #expect(try Self.verdict([excluded], "\"roles\":null") == nil && Self.verdict([excluded], "\"other\":1") == nil)
    let tenant: Requirement.Condition = .not(Requirement([.claim(ClaimPath(name: "tenant"), [.string("evil")])]))
    #expect(try Self.verdict([tenant], "\"tenant\":{\"name\":\"evil\"}") != nil)
    #expect(try Self.verdict([tenant], "\"tenant\":[[\"evil\"]]") != nil)
    #expect(try Self.verdict([tenant], "\"tenant\":[\"good\",7]") == nil)
  }

  @Test(
    "What something else stands in the way of is not absent",
    arguments: [
      ("\"realm\":[\"suspended\"]", false), ("\"realm\":\"suspended\"", false), ("\"realm\":7", false),
      ("\"realm\":{\"access\":[\"suspended\"]}", false),
      ("\"realm\":{\"access\":{\"roles\":[\"suspended\"]}}", false), ("\"realm\":{\"access\":true}", false),
      ("", true), ("\"realm\":null", true), ("\"realm\":{}", true), ("\"realm\":{\"access\":null}", true),
      ("\"realm\":{\"access\":{}}", true), ("\"realm\":{\"access\":{\"roles\":null}}", true),
    ] as [(String, Bool)])
  func inTheWay(claims: String, isAbsent: Bool) throws {
    let path = try ClaimPath("realm.access.roles")
    var mapping = ClaimMapping()
    mapping.roles = path
    mapping.scopes = path
    mapping.permissions = path
    let claims = try Issuer.token(claims, mapping: mapping).claims
    let owner = try Requirement.Owner("id", of: "/{id}", claim: path)
    let conditions: [Requirement.Condition] = [
      .roles(["suspended"]), .scopes(["suspended"]), .permissions(["suspended"]),
      .claim(path, [.string("suspended")]), .owner(owner),
    ]
    for condition in conditions {
      let rule = AccessRule(
        authentication: .required(providers: ["company"]), requirement: Requirement([.not(Requirement([condition]))]))
      let refusal = rule.refusal(
        of: claims, RequestFacts(path: [UInt8]("/suspended".utf8), now: 1_800_000_000))
      // A list is not a string that a segment could be: that is not known, whatever stands in it.
      #expect((refusal == nil) == isAbsent, "\(condition)")
    }
  }

  @Test("A word is what stands between spaces; null says none")
  func words() throws {
    let excluded: Requirement.Condition = .not(Requirement([.roles(["suspended"])]))
    for claims in ["\"roles\":\"suspended,x\"", "\"roles\":\"Suspended\"", "\"roles\":null", "\"roles\":\"\""] {
      #expect(try Self.verdict([excluded], claims) == nil)
    }
    #expect(try Self.verdict([excluded], "\"roles\":\"x suspended\"")?.reason == .requirementExcluded)
  }

  @Test("Nobody is asked for what would not let them pass")
  func incurable() throws {
    let gold: Requirement.Condition = .any([Requirement([.contextClasses(["gold"])])])
    let excluded: Requirement.Condition = .not(Requirement([.roles(["suspended"])]))
    let refusal = try #require(try Self.verdict([gold, excluded], "\"roles\":[\"suspended\"]"))
    #expect(refusal.reason == .requirementExcluded && refusal.remedy == .none)
    #expect(try Self.verdict([gold, excluded], "\"roles\":[]")?.remedy.contextClasses == ["gold"])
    let both = try #require(try Self.verdict([.scopes(["a"]), .permissions(["p"])], "\"scope\":\"b\""))
    #expect(both.reason == .permissionMissing && both.remedy == .none)
    #expect(
      try Self.verdict([.scopes(["a"]), .permissions(["p"])], "\"permissions\":\"p\"")?.remedy.scopes == ["a"])
  }

  @Test("What no single sign-in brings is refused for good, and the findings say so")
  func exclusion() throws {
    let gold = Requirement([.contextClasses(["gold"])])
    let silver = Requirement([.contextClasses(["silver"])])
    for conditions: [Requirement.Condition] in [
      [.all([gold, silver])], [.all([gold]), .contextClasses(["silver"])],
      [.not(gold), .any([gold]), .authenticationAge(60)], [.any([Requirement([.all([gold, silver])])])],
    ] {
      for claims in ["\"acr\":\"gold\"", "\"acr\":\"bronze\",\"auth_time\":1800000000", ""] {
        let refusal = try #require(try Self.verdict(conditions, claims))
        #expect(refusal.reason.status == 403 && refusal.remedy == .none, "\(conditions), \(claims)")
      }
    }
    let rule = AccessRule(
      authentication: .required(providers: ["company"]), requirement: Requirement([.all([gold, silver])]))
    let findings = rule.findings(try Issuer.claims(), RequestFacts(path: [], now: Self.now))
    #expect(findings.last?.reason == .requirementUnmet)
    #expect(findings.last?.inner.last?.found == "that there is none")
  }

  @Test("Of several ways the one is asked for that all the rest allows")
  func jointWay() throws {
    let silver = Requirement([.contextClasses(["silver"])])
    let fresh: [Requirement.Condition] = [
      .any([silver, Requirement([.authenticationAge(60)])]), .contextClasses(["gold"]),
    ]
    var refusal = try #require(try Self.verdict(fresh, "\"acr\":\"silver\""))
    #expect(refusal.reason == .acrInsufficient)
    #expect(refusal.remedy == Remedy(contextClasses: ["gold"], authenticationAge: 60))
    // What is lacking of that way is a scope: whoever signed in for `gold` would be sent to do so for ever.
    let scope: [Requirement.Condition] = [
      .any([silver, Requirement([.scopes(["s"])])]), .contextClasses(["gold"]),
    ]
    refusal = try #require(try Self.verdict(scope, "\"acr\":\"gold\""))
    #expect(refusal.reason == .requirementUnmet && refusal.remedy.scopes == ["s"])
    let excluding: [Requirement.Condition] = [.contextClasses(["gold", "silver"]), .not(silver)]
    refusal = try #require(try Self.verdict(excluding, "\"acr\":\"silver\""))
    #expect(refusal.reason == .acrInsufficient && refusal.remedy.contextClasses == ["gold"])
  }

  // MARK: The path's owner

  struct Path: Sendable, CustomTestStringConvertible {
    let segment: String
    let claim: String
    let holds: Bool
    var testDescription: String { "/users/\(segment)/x, \(claim)" }
  }

  @Test(
    "The segment, once decoded, is the claim byte for byte",
    arguments: [
      Path(segment: "alice", claim: "\"alice\"", holds: true), Path(segment: "bob", claim: "\"alice\"", holds: false),
      Path(segment: "Alice", claim: "\"alice\"", holds: false), Path(segment: "alic", claim: "\"alice\"", holds: false),
      Path(segment: "alicex", claim: "\"alice\"", holds: false),
      Path(segment: "a%40b", claim: "\"a@b\"", holds: true), Path(segment: "a%40b", claim: "\"a%40b\"", holds: false),
      Path(segment: "a%2Fb", claim: "\"a/b\"", holds: true), Path(segment: "%C3%A9", claim: "\"\u{E9}\"", holds: true),
      Path(segment: "e%CC%81", claim: "\"\u{E9}\"", holds: false), Path(segment: "7", claim: "7", holds: true),
      Path(segment: "07", claim: "7", holds: false), Path(segment: "-7", claim: "-7", holds: true),
      Path(segment: "9223372036854775807", claim: "9223372036854775807", holds: true),
      Path(segment: "7", claim: "7.5", holds: false), Path(segment: "true", claim: "true", holds: false),
      Path(segment: "a", claim: "[\"a\"]", holds: false), Path(segment: "null", claim: "null", holds: false),
      Path(segment: "%20", claim: "\" \"", holds: true), Path(segment: "%", claim: "\"%\"", holds: true),
    ])
  func owner(_ row: Path) throws {
    let owner = try Requirement.Owner("id", of: "/users/{id}/**", claim: ClaimPath("account.id"))
    for path in ["/users/\(row.segment)", "/users/\(row.segment)/x", "/users/\(row.segment)/"] {
      let refusal = try Self.verdict([.owner(owner)], "\"account\":{\"id\":\(row.claim)}", path: path)
      #expect((refusal == nil) == row.holds, "\(path)")
      if let refusal { #expect(refusal.reason == .ownerMismatch) }
    }
    #expect(try Self.verdict([.owner(owner)], "", path: "/users/\(row.segment)")?.reason == .ownerMismatch)
    #expect(try Self.verdict([.owner(owner)], "\"account\":{\"id\":\"\"}", path: "/")?.reason == .ownerMismatch)
  }

  @Test("I-9: the claim of another provider is somebody else's; what is somebody else's is known not to be one's own")
  func ownerOfAnotherProvider() throws {
    let (own, other) = (
      try Requirement.Owner("id", of: "/users/{id}/**", claim: ClaimPath("sub"), provider: "company"),
      try Requirement.Owner("id", of: "/users/{id}/**", claim: ClaimPath("sub"), provider: "local")
    )
    let claims = "\"sub\":\"u-1\""
    #expect(try Self.verdict([.owner(own)], claims, path: "/users/u-1/x") == nil)
    #expect(try Self.verdict([.owner(other)], claims, path: "/users/u-1/x")?.reason == .ownerMismatch)
    #expect(try Self.verdict([.not(Requirement([.owner(other)]))], claims, path: "/users/u-1/x") == nil)
    let either = Requirement.Condition.any([Requirement([.owner(other)]), Requirement([.owner(own)])])
    #expect(try Self.verdict([either], claims, path: "/users/u-1/x") == nil)
    #expect(try Self.verdict([either], claims, path: "/users/u-2/x")?.reason == .requirementUnmet)
  }

  // MARK: Authentication

  @Test(
    "`max_age` counts from auth_time, with the leeway; who does not say it is refused",
    arguments: [
      ("\"auth_time\":1800000000", true), ("\"auth_time\":1799999100", true), ("\"auth_time\":1799999070", true),
      ("\"auth_time\":1799999069", false), ("\"auth_time\":1799999069.9", false), ("\"auth_time\":0", false),
      ("\"auth_time\":1800000030", true), ("\"auth_time\":1800000031", false), ("\"auth_time\":1e300", false),
      ("\"auth_time\":-9223372036854775808", false), ("\"auth_time\":9223372036854775807", false),
      ("\"auth_time\":\"1800000000\"", false), ("\"auth_time\":null", false), ("\"iat\":1800000000", false),
    ])
  func authenticationAge(claims: String, holds: Bool) throws {
    let refusal = try Self.verdict([.authenticationAge(900)], claims)
    #expect(refusal?.reason == (holds ? nil : .authenticationTooOld))
    if let refusal { #expect(refusal.remedy.authenticationAge == 900) }
  }

  @Test("`acr` is one of the classes, as a text")
  func contextClass() throws {
    let conditions: [Requirement.Condition] = [.contextClasses(["gold", "silver"])]
    #expect(try Self.verdict(conditions, "\"acr\":\"silver\"") == nil)
    for claims in ["", "\"acr\":\"bronze\"", "\"acr\":[\"gold\"]", "\"acr\":\"gold silver\"", "\"acr\":1"] {
      let refusal = try Self.verdict(conditions, claims)
      #expect(refusal?.reason == .acrInsufficient)
      #expect(refusal?.remedy.contextClasses == ["gold", "silver"])
    }
  }

  // MARK: What the challenge asks for

  private static let ways: Requirement.Condition = .any([
    Requirement([.roles(["admin"]), .scopes(["x"])]), Requirement([.scopes(["b", "c"])]),
    Requirement([.contextClasses(["gold"])]),
  ])

  @Test("RFC 6750 §3: the scopes of the first way that a client can go, and those of all else")
  func neededScopes() throws {
    let refusal = try Self.verdict([.scopes(["a"]), Self.ways], "\"scope\":\"a b\"")
    #expect(refusal?.reason == .requirementUnmet)
    #expect(refusal?.remedy.scopes == ["a", "b", "c"])
    let admin = try Self.verdict([.scopes(["a"]), Self.ways], "\"scope\":\"b\",\"roles\":\"admin\"")
    #expect(admin?.reason == .scopeMissing)
    #expect(admin?.remedy.scopes == ["a", "x"])
    let hopeless = try Self.verdict([.scopes(["a"]), .roles(["admin"])], "\"scope\":\"a\"")
    #expect(hopeless?.remedy == Remedy.none)
    let nested = try Self.verdict(
      [.all([Requirement([.scopes(["a"])]), Requirement([.scopes(["b"])])])], "\"scope\":\"a\"")
    #expect(nested?.reason == .scopeMissing)
    #expect(nested?.remedy.scopes == ["a", "b"])
  }

  @Test("RFC 9470: a way that lacks only another authentication asks for that")
  func stepUp() throws {
    let refusal = try Self.verdict(
      [
        .any([Requirement([.roles(["admin"])]), Requirement([.contextClasses(["gold"]), .authenticationAge(60)])]),
        .authenticationAge(900),
      ], "\"acr\":\"silver\"")
    #expect(refusal?.reason == .acrInsufficient)
    #expect(refusal?.remedy.contextClasses == ["gold"])
    #expect(refusal?.remedy.authenticationAge == 60)
  }

  @Test("RFC 9470 §4: nobody is sent for what they have, nor for what is over before they are back")
  func worthIt() throws {
    // A rule that nobody can fulfil asks for nothing.
    let classes = ["a", "b"].map { Requirement([.contextClasses([$0])]) }
    let both = [Requirement.Condition.all(classes)]
    let rows: [([Requirement.Condition], String, Bool)] = [
      ([.contextClasses(["gold"])], "\"acr\":\"silver\"", true), ([.contextClasses(["gold"])], "\"x\":1", true),
      (both, "\"acr\":\"a\"", false), (both, "\"acr\":\"b\"", false), ([.roles(["admin"])], "\"x\":1", false),
      ([.authenticationAge(60)], "\"x\":1", true),
      ([.authenticationAge(60)], "\"auth_time\":\(Self.now - 99)", true),
      ([.authenticationAge(1)], "\"auth_time\":\(Self.now - 40)", false),
      ([.authenticationAge(1)], "\"auth_time\":\(Self.now - 41)", true),
    ]
    for (conditions, claims, isWorthIt) in rows {
      let refusal = try #require(try Self.verdict(conditions, claims))
      guard case .token(let token) = try Issuer.identity(claims) else { return }
      let asks = refusal.remedy.asksForMore(than: token.claims, at: Self.now)
      #expect(asks == isWorthIt, "\(conditions) \(claims)")
    }
  }
}
