import HTTP
import Reason
import Testing
import Tokens

@testable import Access

@Suite("Trying a requirement")
struct EnforcementTests {
  private func claims(_ subject: String?, roles: [String] = [], provider: String = "company") throws -> ClaimsSet {
    var stated = StatedClaims()
    stated.subject = subject
    stated.roles = roles
    return try ClaimsSet(
      supposing: stated, authenticatedAt: nil,
      TokenPolicy(provider: provider, issuer: "https://id.example.com", audiences: .any))
  }

  private func rule(
    _ enforcement: Enforcement, optional: Bool = false, beside requirement: Requirement = Requirement(),
    trying tried: Requirement = Requirement([.roles(["admin"])])
  ) -> AccessRule {
    AccessRule(
      authentication: optional ? .optional(providers: ["company"]) : .required(providers: ["company"]),
      requirement: requirement, tried: TriedRequirement(tried, beside: requirement, enforcement: enforcement))
  }

  private let facts = RequestFacts(path: [], now: 0)

  @Test("Not enforced: let through, with why it would be refused")
  func nobody() throws {
    #expect(try rule(.nobody).check(claims("a"), facts)?.reason == .roleMissing)
    #expect(try rule(.nobody).check(claims("a", roles: ["admin"]), facts) == nil)
    #expect(throws: Refusal.self) { try rule(.nobody).withTriedRequired.check(claims("a"), facts) }
  }

  @Test("What is required is enforced for everyone, whatever is tried beside it")
  func beside() throws {
    let required = Requirement([.scopes(["read"])])
    for enforcement in [Enforcement.nobody, .share(percentage: 1), .share(percentage: 99)] {
      for isStopped in [false, true] {
        var facts = facts
        facts.isRampStopped = isStopped
        for number in 0..<50 {
          let error = #expect(throws: Refusal.self) {
            try rule(enforcement, beside: required).check(claims("\(number)", roles: ["admin"]), facts)
          }
          #expect(error?.reason == .scopeMissing)
          #expect(error?.isTried == false)
        }
        let error = #expect(throws: Refusal.self) {
          try rule(enforcement, optional: true, beside: required).check(nil, facts)
        }
        #expect(error?.isTried == false)
      }
    }
  }

  @Test("What would let somebody pass leaves them both: what is required and what is tried")
  func remedies() throws {
    let tried = Requirement([.contextClasses(["silver"])])
    let lone = rule(.share(percentage: 100), trying: tried)
    let both = rule(
      .share(percentage: 100), beside: Requirement([.contextClasses(["gold", "silver"])]), trying: tried)
    let excluded = rule(.share(percentage: 100), beside: Requirement([.contextClasses(["gold"])]), trying: tried)
    var stated = StatedClaims()
    stated.subject = "a"
    stated.others = [(ClaimPath(name: "acr"), .string("gold"))]
    let claims = try ClaimsSet(
      supposing: stated, authenticatedAt: nil,
      TokenPolicy(provider: "company", issuer: "https://id.example.com", audiences: .any))
    for (rule, reason, classes) in [
      (lone, Reason.acrInsufficient, ["silver"]), (both, .acrInsufficient, ["silver"]),
      (excluded, .requirementUnmet, []),
    ] {
      let error = #expect(throws: Refusal.self) { try rule.check(claims, facts) }
      #expect(error?.reason == reason)
      #expect(error?.remedy.contextClasses == classes)
      #expect(error?.isTried == true)
    }
    #expect(both.findings(claims, facts).map(\.holds) == [true, true])
    #expect(both.triedFindings(claims, facts).map(\.holds) == [false])
  }

  @Test("T-15: who has no token, or another provider's, is refused whatever is enforced")
  func authentication() throws {
    for enforcement in [Enforcement.nobody, .share(percentage: 1), .share(percentage: 99)] {
      for optional in [false, true] {
        let error = #expect(throws: Refusal.self) {
          try rule(enforcement, optional: optional).check(claims("a", roles: ["admin"], provider: "other"), facts)
        }
        #expect(error?.reason == .issuerUnknown)
      }
      let error = #expect(throws: Refusal.self) { try rule(enforcement).check(nil, facts) }
      #expect(error?.reason == .credentialMissing)
    }
    // Where a token may be missing, it is what is tried that asks for one.
    #expect(try rule(.nobody, optional: true).check(nil, facts)?.reason == .credentialMissing)
    #expect(throws: Refusal.self) { try rule(.nobody, optional: true).withTriedRequired.check(nil, facts) }
  }

  @Test("A share is of senders: the same ones each time, and among those of a larger one")
  func share() throws {
    var before: Set<Int> = []
    for percentage in [1, 10, 50, 99] {
      var refused: Set<Int> = []
      for number in 0..<2000 {
        let claims = try claims("user-\(number)")
        do throws(Refusal) {
          try rule(.share(percentage: percentage)).check(claims, facts)
        } catch {
          refused.insert(number)
        }
      }
      #expect(before.isSubset(of: refused))
      #expect(abs(refused.count - percentage * 20) < 100, "\(refused.count) of 2000 with \(percentage)%")
      before = refused
    }
  }

  @Test("Without a name a client's address counts, and without one it is enforced")
  func clients() {
    func isEnforced(_ address: String?) -> Bool {
      var facts = facts
      facts.client = address.flatMap { IPAddress($0) }
      return Enforcement.share(percentage: 50).isFor(nil, facts)
    }
    #expect(isEnforced(nil))
    let count = (0..<256).count { isEnforced("192.0.2.\($0)") }
    #expect(abs(count - 128) < 50)
    #expect(isEnforced("2001:db8::1") == isEnforced("2001:db8::ffff:1"))
  }

  @Test("A share that was stopped is enforced for nobody")
  func stopped() throws {
    var facts = facts
    facts.isRampStopped = true
    #expect(try rule(.share(percentage: 99)).check(claims("a"), facts)?.reason == .roleMissing)
  }

  @Test("A budget is spent by more than a few, and more than its share")
  func budget() {
    let budget = EnforcementBudget(percentage: 5, windowSeconds: 60)
    #expect(!budget.isSpent(refused: 900, of: 900, byPeople: 9))
    #expect(budget.isSpent(refused: 10, of: 10, byPeople: 10))
    #expect(budget.isSpent(refused: 10, of: 199, byPeople: 10))
    #expect(!budget.isSpent(refused: 10, of: 200, byPeople: 10))
  }
}
