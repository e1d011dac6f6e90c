import Access
import Testing
import Tokens

@testable import Configuration

@Suite("What a route requires")
struct RequirementTests {
  private static func requirement(_ require: String, path: String = "\"/orders/{id}/**\"") -> Sample {
    Sample.route("auth: local\n    require: \(require)", path: path)
  }

  @Test("Keys of one mapping all have to hold; any, all and not nest")
  func tree() throws {
    let sample = Self.requirement(
      """
      # All of these:
            roles: [clerk]
            owner: { path: id, claim: account.id }
            any:
              - { scopes: [a], acr: gold }
              - all: [{ permissions: [p] }, { claims: { tenant: acme } }]
            not: { roles: [suspended] }
            acr: [silver, gold]
            max_age: 15m
      """)
    let route = try #require(try configuration(sample.text).routes.first)
    let owner = try Requirement.Owner("id", of: "/orders/{id}/**", claim: ClaimPath("account.id"))
    #expect(
      route.rule.requirement.conditions == [
        .roles(["clerk"]), .owner(owner),
        .any([
          Requirement([.scopes(["a"]), .contextClasses(["gold"])]),
          Requirement([
            .all([
              Requirement([.permissions(["p"])]),
              Requirement([.claim(ClaimPath(name: "tenant"), [.string("acme")])]),
            ])
          ]),
        ]),
        .not(Requirement([.roles(["suspended"])])), .contextClasses(["silver", "gold"]), .authenticationAge(900),
      ])
  }

  private static func nested(_ depth: Int) -> String {
    String(repeating: "{ not: ", count: depth - 1) + "{ roles: [a] }" + String(repeating: " }", count: depth - 1)
  }

  @Test("Eight mappings in each other are enough for anybody")
  func depth() throws {
    #expect(faults(Self.requirement(Self.nested(8)).text) == [])
    #expect(
      faults(Self.requirement(Self.nested(9)).text) == [
        "14:70: nested deeper than 8 mappings; use fewer levels"
      ])
    let wide = "{ any: [" + String(repeating: "{ all: [", count: 8) + "{ roles: [a] }"
    #expect(
      faults(Self.requirement(wide + String(repeating: "] }", count: 9)).text) == [
        "14:78: nested deeper than 8 mappings; use fewer levels"
      ])
    #expect(faults(Self.requirement(Self.nested(5_000)).text).count == 1)
  }

  @Test("A requirement names 32 classes of authentication at most, wherever they stand in it")
  func classes() {
    func names(_ range: Range<Int>) -> String { "[" + range.map { "c\($0)" }.joined(separator: ", ") + "]" }
    let twice = "{ any: [{ acr: \(names(0..<20)) }, { not: { acr: \(names(10..<32)) } }], acr: c1 }"
    #expect(faults(Self.requirement(twice).text) == [])
    let more = "{ any: [{ acr: \(names(0..<20)) }, { not: { acr: \(names(10..<32)) } }], acr: c32 }"
    #expect(
      faults(Self.requirement(more).text) == [
        "14:14: 33 authentication context classes in one requirement; 32 at most"
      ])
  }

  private static func shared(_ keys: String) -> String {
    """
    listeners: [{ address: 127.0.0.1:8080 }]
    providers:
      a: { issuer: "https://a.test", audiences: [x], jwks_url: "https://a.test/k" }
      b: { issuer: "https://b.test", audiences: [x], jwks_url: "https://b.test/k" }
    upstreams: { echo: { builtin: echo } }
    routes:
      - path: "/users/{id}/**"
        auth: [a, b]
        upstream: echo
        \(keys)

    """
  }

  @Test("I-9: where a route has several providers, an owner says whose claim it is")
  func ownersProvider() throws {
    let said = "require: { owner: { path: id, claim: sub, provider: b } }"
    let owner = try Requirement.Owner("id", of: "/users/{id}/**", claim: ClaimPath("sub"), provider: "b")
    #expect(try configuration(Self.shared(said)).routes.first?.rule.requirement.conditions == [.owner(owner)])
    let unsaid = """
      the route has several providers, and the same claim of another is somebody else's: say whose it is with \
      "provider", and list an "owner" for each under "any" where several may
      """
    #expect(faults(Self.shared("require: { owner: { path: id, claim: sub } }")) == ["10:23: \(unsaid)"])
    #expect(
      faults(Self.shared("try: { require: { not: { owner: { path: id, claim: sub } } } }")) == ["10:37: \(unsaid)"])
    #expect(
      faults(Self.shared("require: { owner: { path: id, claim: sub, provider: c } }")) == [
        "10:57: \"c\" is not a provider of this route; it has a, b"
      ])
  }

  @Test(
    "P-1: a route that compares an owner takes no method that names a second path",
    arguments: [
      "require: { owner: { path: id, claim: sub, provider: a } }",
      "require: { any: [{ roles: [x] }, { not: { owner: { path: id, claim: sub, provider: a } } }] }",
      "try: { require: { owner: { path: id, claim: sub, provider: a } } }",
    ])
  func ownersOfSecondPaths(keys: String) {
    for method in ["COPY", "MOVE"] {
      #expect(
        faults(Self.shared("methods: [GET, \(method)]\n    \(keys)")) == [
          "10:14: \(method) names a second path, in Destination, whose owner nobody compares: leave it out, or require "
            + "something other than \"owner\""
        ])
    }
    #expect(faults(Self.shared("methods: [GET, PUT, PROPFIND]\n    \(keys)")) == [])
    #expect(faults(Self.shared("methods: [COPY, MOVE]\n    require: { roles: [x] }")) == [])
  }

  struct Row: CustomTestStringConvertible {
    let require: String
    let fault: String
    var path = "\"/orders/{id}/**\""
    var testDescription: String { require }
  }

  @Test(
    "What cannot hold, or requires nothing, is refused with its place",
    arguments: [
      Row(require: "{ any: [] }", fault: "14:21: an empty list; expected a list of requirements, or leave the key out"),
      Row(require: "{ all: [] }", fault: "14:21: an empty list; expected a list of requirements, or leave the key out"),
      Row(
        require: "{ any: [{}] }", fault: "14:22: an empty mapping, which requires nothing; leave the key out"),
      Row(require: "{ not: {} }", fault: "14:21: an empty mapping, which requires nothing; leave the key out"),
      Row(require: "{ not: [{ roles: [a] }] }", fault: "14:21: expected a mapping, found a list"),
      Row(require: "{ any: { roles: [a] } }", fault: "14:21: expected a list of requirements, found a mapping"),
      Row(
        require: "{ any: [{ role: [a] }] }", fault: "14:24: unknown key \"role\"; did you mean \"roles\"?"),
      Row(
        require: "{ owner: { path: id } }",
        fault: "14:23: \"claim\" is missing. The claim: `sub`. A dot leads into an object, `\\.` is a dot in the name."),
      Row(
        require: "{ owner: { path: user, claim: sub } }",
        fault: "14:31: \"user\" cannot be used: `{user}` is not in the route's path"),
      Row(
        require: "{ any: [{ owner: { path: user, claim: sub } }] }",
        fault: "14:39: \"user\" cannot be used: `{user}` is not in the route's path"),
      Row(
        require: "{ owner: { path: id, claim: sub } }",
        fault: "14:31: \"id\" cannot be used: `{id}` appears more than once in the route's path",
        path: "\"/{id}/{id}\""),
      Row(
        require: "{ acr: [\"a b\"] }",
        fault: "14:22: \"a b\" is not an authentication context class; one has no spaces, quotes or backslashes"),
      Row(require: "{ max_age: 0s }", fault: "14:25: \"0s\" is out of range: 1s to 366d"),
    ])
  func refused(_ row: Row) {
    #expect(faults(Self.requirement(row.require, path: row.path).text) == [row.fault])
  }
}
