import Access
import Reason
import TestSupport
import Testing
import Tokens

/// Claims and requirements at random, as plain values that two evaluators read.
private struct World {
  /// nil: the claim is there, and holds no words.
  var roles: [String]? = []
  var scopes: [String] = []
  var permissions: [String] = []
  var claims: [String: Value] = [:]
  var segment = ""
  var acr: String?
  var authenticatedAt: Int64?

  enum Value: Equatable {
    case text(String)
    case number(Int64)
    case truth(Bool)
    case list([Value])

    var json: String {
      switch self {
      case .text(let text): "\"\(text)\""
      case .number(let number): "\(number)"
      case .truth(let truth): "\(truth)"
      case .list(let items): "[" + items.map(\.json).joined(separator: ",") + "]"
      }
    }
  }

  static let now: Int64 = 1_800_000_000
  /// Whose the claims are.
  static let provider = "company"

  /// The members of a token, roles and scopes in one of the ways that issuers write them.
  func json(_ random: inout SeededGenerator) -> String {
    func words(_ words: [String], _ random: inout SeededGenerator) -> String {
      Bool.random(using: &random)
        ? "\"" + words.joined(separator: " ") + "\"" : "[" + words.map { "\"\($0)\"" }.joined(separator: ",") + "]"
    }
    var members = [
      "\"roles\":\(roles.map { words($0, &random) } ?? "[\"a\",7]")", "\"scope\":\(words(scopes, &random))",
      "\"permissions\":\(words(permissions, &random))",
    ]
    for (name, value) in claims.sorted(by: { $0.key < $1.key }) { members.append("\"\(name)\":\(value.json)") }
    if let acr { members.append("\"acr\":\"\(acr)\"") }
    if let authenticatedAt { members.append("\"auth_time\":\(authenticatedAt)") }
    return members.joined(separator: ",")
  }

  private static func some(_ words: [String], _ random: inout SeededGenerator) -> [String] {
    words.filter { _ in Int.random(in: 0..<3, using: &random) > 0 }
  }

  private static func value(_ random: inout SeededGenerator, depth: Int = 0) -> Value {
    switch Int.random(in: 0..<(depth == 0 ? 4 : 3), using: &random) {
    case 0: .text(["u", "v", "7"].randomElement(using: &random) ?? "u")
    case 1: .number(Int64.random(in: 6...8, using: &random))
    case 2: .truth(Bool.random(using: &random))
    default: .list((0..<Int.random(in: 0...2, using: &random)).map { _ in value(&random, depth: 1) })
    }
  }

  static func random(_ random: inout SeededGenerator) -> World {
    var world = World()
    world.roles = Int.random(in: 0..<6, using: &random) == 0 ? nil : some(["a", "b", "ab"], &random)
    world.scopes = some(["s", "t", "s:t"], &random)
    world.permissions = some(["p", "q"], &random)
    for name in ["k", "l"] where Int.random(in: 0..<4, using: &random) > 0 { world.claims[name] = value(&random) }
    world.segment = ["u", "7", "true", "v"].randomElement(using: &random) ?? "u"
    world.acr = [nil, "bronze", "gold", "silver"].randomElement(using: &random) ?? nil
    world.authenticatedAt = [nil, now, now - 400, now - 4_000].randomElement(using: &random) ?? nil
    return world
  }

  /// Behind a new sign-in: the token is a new one, and says of the rest what it said.
  func signedIn(_ acr: String?, scopes: [String]) -> World {
    var world = self
    world.acr = acr ?? self.acr
    world.authenticatedAt = World.now
    world.scopes += scopes.filter { !self.scopes.contains($0) }
    return world
  }
}

/// A rule, and what it says of a world: written without a look at the other evaluator.
private indirect enum Rule {
  case roles([String])
  case scopes([String])
  case permissions([String])
  case claim(String, [World.Value])
  /// Whose: of the provider at hand where nothing is said.
  case owner(String, provider: String?)
  case acr([String])
  case age(Int64)
  case any([[Rule]])
  case all([[Rule]])
  case not([Rule])

  /// nil: what it asks for is there and cannot be read.
  func says(_ world: World) -> Bool? {
    switch self {
    case .roles(let wanted): return world.roles.map { !Set(wanted).isDisjoint(with: $0) }
    case .scopes(let wanted): return Set(wanted).isSubset(of: world.scopes)
    case .permissions(let wanted): return Set(wanted).isSubset(of: world.permissions)
    case .claim(let name, let wanted):
      switch world.claims[name] {
      case nil: return false
      case .list(let items): return items.contains { wanted.contains($0) }
      case let value?: return wanted.contains(value)
      }
    case .owner(let name, let provider):
      if let provider, provider != World.provider { return false }
      switch world.claims[name] {
      case .text(let text): return text == world.segment
      case .number(let number): return String(number) == world.segment
      case nil: return false
      default: return nil
      }
    case .acr(let wanted): return world.acr.map { wanted.contains($0) } ?? false
    case .age(let most): return world.authenticatedAt.map { World.now - $0 <= most + 30 }
    case .any(let ways):
      let answers = ways.map { Rule.all($0, world) }
      return answers.contains(true) ? true : answers.contains(nil) ? nil : false
    case .all(let ways): return Rule.all(ways.flatMap { $0 }, world)
    case .not(let rules): return Rule.all(rules, world).map { !$0 }
    }
  }

  static func all(_ rules: [Rule], _ world: World) -> Bool? {
    let answers = rules.map { $0.says(world) }
    return answers.contains(false) ? false : answers.contains(nil) ? nil : true
  }

  func condition() throws -> Requirement.Condition {
    func scalar(_ value: World.Value) -> ClaimScalar {
      switch value {
      case .text(let text): .string(text)
      case .number(let number): .integer(number)
      case .truth(let truth): .boolean(truth)
      case .list: .string("no list is a value")
      }
    }
    func requirements(_ ways: [[Rule]]) throws -> [Requirement] {
      try ways.map { way in Requirement(try way.map { try $0.condition() }) }
    }
    switch self {
    case .roles(let wanted): return .roles(wanted)
    case .scopes(let wanted): return .scopes(wanted)
    case .permissions(let wanted): return .permissions(wanted)
    case .claim(let name, let wanted): return .claim(ClaimPath(name: name), wanted.map(scalar))
    case .owner(let name, let provider):
      return .owner(try Requirement.Owner("id", of: "/x/{id}", claim: ClaimPath(name: name), provider: provider))
    case .acr(let wanted): return .contextClasses(wanted)
    case .age(let most): return .authenticationAge(most)
    case .any(let ways): return .any(try requirements(ways))
    case .all(let ways): return .all(try requirements(ways))
    case .not(let rules): return .not(Requirement(try rules.map { try $0.condition() }))
    }
  }

  /// Whether a sign-in is thinkable that lets all of `rules` hold: any class that they name, and any more scopes.
  static func areWithinReach(_ rules: [Rule], _ world: World) -> Bool {
    let scopes = ["s", "t", "s:t"]
    for acr in Array(Set(rules.flatMap(\.classes))).map(Optional.some) + [nil] {
      for choice in 0..<8 {
        let more = scopes.indices.filter { choice & (1 << $0) != 0 }.map { scopes[$0] }
        if all(rules, world.signedIn(acr, scopes: more)) == true { return true }
      }
    }
    return false
  }

  private var inner: [Rule] {
    switch self {
    case .any(let ways), .all(let ways): ways.flatMap { $0 }
    case .not(let rules): rules
    default: []
    }
  }

  private var classes: [String] { if case .acr(let wanted) = self { wanted } else { inner.flatMap(\.classes) } }

  private var namesScopes: Bool { if case .scopes = self { true } else { inner.contains(where: \.namesScopes) } }

  /// Whether a `not` is about scopes.
  var excludesScopes: Bool {
    if case .not(let rules) = self { return rules.contains(where: \.namesScopes) }
    return inner.contains(where: \.excludesScopes)
  }

  static func random(_ random: inout SeededGenerator, depth: Int) -> Rule {
    func some(_ words: [String], _ random: inout SeededGenerator) -> [String] {
      let some = words.filter { _ in Bool.random(using: &random) }
      return some.isEmpty ? [words[0]] : some
    }
    func rules(_ random: inout SeededGenerator) -> [Rule] {
      (0..<Int.random(in: 1...2, using: &random)).map { _ in Rule.random(&random, depth: depth - 1) }
    }
    func ways(_ random: inout SeededGenerator) -> [[Rule]] {
      (0..<Int.random(in: 1...3, using: &random)).map { _ in rules(&random) }
    }
    let name = Bool.random(using: &random) ? "k" : "l"
    switch Int.random(in: 0..<(depth > 1 ? 13 : 7), using: &random) {
    case 0: return .roles(some(["a", "b", "ab"], &random))
    case 1: return .scopes(some(["s", "t", "s:t"], &random))
    case 2: return .permissions(some(["p", "q"], &random))
    case 3:
      let values = [World.Value.text("u"), .number(7), .text("7"), .truth(true)]
      return .claim(name, values.filter { _ in Bool.random(using: &random) } + [.text("v")])
    case 4: return .owner(name, provider: [nil, World.provider, "another"].randomElement(using: &random) ?? nil)
    case 5: return .acr(some(["gold", "silver"], &random))
    case 6: return .age([300, 3_000].randomElement(using: &random) ?? 300)
    case 7, 8, 9: return .any(ways(&random))
    case 10, 11: return .all(ways(&random))
    default: return .not(rules(&random))
    }
  }
}

@Suite("Requirements against a second evaluator")
struct RequirementReferenceTests {
  @Test("Both say the same of 6,000 pairs of claims and rules", arguments: 0..<6)
  func same(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    var held = 0
    for _ in 0..<100 {
      let world = World.random(&random)
      let claims = try Issuer.claims(world.json(&random))
      let facts = RequestFacts(path: Array("/x/\(world.segment)".utf8), now: World.now)
      for _ in 0..<10 {
        let rules = (0..<Int.random(in: 1...2, using: &random)).map { _ in
          Rule.random(&random, depth: Int.random(in: 1...4, using: &random))
        }
        let expected = Rule.all(rules, world) == true
        let rule = AccessRule(
          authentication: .required(providers: ["company"]),
          requirement: Requirement(try rules.map { try $0.condition() }))
        let refusal = rule.refusal(of: claims, facts)
        let findings = rule.findings(claims, facts)
        #expect(findings.allSatisfy(\.holds) == expected, "the walk and the verdict differ")
        #expect((refusal == nil) == expected, "\(rules) of \(world)")
        if let refusal { #expect(findings.contains { $0.reason == refusal.reason }) }
        if expected { held += 1 }
      }
    }
    #expect((200...800).contains(held), "a test of one answer says little: \(held)")
  }

  @Test("A client that follows challenges passes; who gets none could not pass", arguments: 0..<6)
  func remedies(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed + 100))
    var (followed, hopeless) = (0, 0)
    for _ in 0..<500 {
      let world = World.random(&random)
      let rules = (0..<Int.random(in: 1...3, using: &random)).map { _ in
        Rule.random(&random, depth: Int.random(in: 1...4, using: &random))
      }
      let rule = AccessRule(
        authentication: .required(providers: ["company"]),
        requirement: Requirement(try rules.map { try $0.condition() }))
      guard let refusal = try Self.refusal(rule, world, &random) else { continue }
      let told: Comment = "\(refusal) for \(rules) of \(world)"
      guard Rule.areWithinReach(rules, world), refusal.remedy != .none else {
        #expect(refusal.reason.status == 403 && refusal.remedy == .none, told)
        #expect(!Rule.areWithinReach(rules, world) || rules.contains(where: \.excludesScopes), told)
        hopeless += 1
        continue
      }
      let remedy = refusal.remedy
      for acr in remedy.contextClasses.isEmpty ? [nil] : remedy.contextClasses.map(Optional.some) {
        #expect(Rule.all(rules, world.signedIn(acr, scopes: remedy.scopes)) == true, told)
      }
      try Self.follow(rule, refusal, from: world, &random)
      followed += 1
    }
    #expect(followed > 50 && hopeless > 50, "a test of one answer says little: \(followed), \(hopeless)")
  }

  /// Does what the challenges say, one after the other, until the rule holds.
  private static func follow(
    _ rule: AccessRule, _ first: Refusal, from start: World, _ random: inout SeededGenerator
  ) throws {
    var (world, told) = (start, [first])
    while let refusal = told.last {
      if refusal.reason.status == 401 {
        #expect(refusal.reason != .acrInsufficient || !refusal.remedy.contextClasses.isEmpty)
        #expect(refusal.reason != .authenticationTooOld || refusal.remedy.authenticationAge != nil)
        world = world.signedIn(refusal.remedy.contextClasses.randomElement(using: &random), scopes: [])
      } else {
        #expect(!refusal.remedy.scopes.isEmpty, "\(told) for \(rule.requirement)")
        world.scopes += refusal.remedy.scopes.filter { !world.scopes.contains($0) }
      }
      guard let next = try Self.refusal(rule, world, &random) else { return }
      told.append(next)
      guard told.count < 4 else {
        Issue.record("no end: \(told) for \(rule.requirement)")
        return
      }
    }
  }

  private static func refusal(
    _ rule: AccessRule, _ world: World, _ random: inout SeededGenerator
  ) throws -> Refusal? {
    let facts = RequestFacts(path: Array("/x/\(world.segment)".utf8), now: World.now)
    return rule.refusal(of: try Issuer.claims(world.json(&random)), facts)
  }
}
