import Access
import Reason
import Testing
import Tokens

@testable import Configuration

@Suite("try of a provider")
struct ProviderTryTests {
  @Test("Every key is taken over, beside what is asked for now")
  func written() throws {
    let sample = Sample.provider("try: { audiences: [new], max_age: 1h, require: { typ: at+jwt, claims: [jti] } }")
    let policy = try #require(try configuration(sample.text).providers.first).policy
    #expect(policy.audiences == .oneOf(["example"]))
    #expect(policy.ageMaxSeconds == nil && policy.type == nil && policy.requiredClaims == [])
    let tried = TriedTokenChecks(
      audiences: .oneOf(["new"]), ageMaxSeconds: 3600, type: "at+jwt", requiredClaims: [ClaimPath(name: "jti")])
    #expect(policy.tried == tried)
    #expect(try configuration(Sample.provider("leeway: 1s").text).providers.first?.policy.tried == nil)
  }

  @Test(
    "What is wrong is said where it stands",
    arguments: [
      ("{ enforce: 10% }", "8:10: nothing is tried"),
      (
        "{ audiences: [a], enforce: 100% }",
        "8:37: what is enforced for everyone is no longer a trial: move it to the provider"
      ),
      ("{ audiences: [a], enforce: 10%, budget: 0% }", "8:50: "),
      ("{ audiences: [a], enforce: 10%, per: 0s }", "8:47: "),
      ("{ leeway: 1s }", #"8:12: unknown key "leeway""#),
      ("{ require: { scopes: [a] } }", #"8:23: unknown key "scopes""#),
      ("{ audiences: any }", "8:23: "),
      ("{ audiences: [any] }", #"8:24: "any" cannot be in a list; with it nothing would be tried"#),
      ("{ require: { typ: portcullis-assertion+jwt } }", #"8:28: "portcullis-assertion+jwt" is the type"#),
      ("{}", "8:10: "),
    ])
  func faulty(tried: String, fault: String) {
    let found = faults(Sample.provider("try: \(tried)").text)
    #expect(found.count == 1 && found[0].hasPrefix(fault), "\(found)")
  }

  @Test("A share has a budget, and nobody has none")
  func share() throws {
    func provider(_ more: String) throws -> ProviderConfiguration {
      try #require(
        try configuration(Sample.provider("try: { audiences: [new]\(more) }").text).providers.first)
    }
    let share = try provider(", enforce: 10%, budget: 5%, per: 1h")
    #expect(share.policy.tried?.enforcedPercentage == 10)
    #expect(share.enforcementBudget == EnforcementBudget(percentage: 5, windowSeconds: 3600))
    #expect(try provider(", enforce: 10%").enforcementBudget == EnforcementBudget(percentage: 1, windowSeconds: 600))
    for nobody in ["", ", enforce: off, budget: 5%"] {
      #expect(try provider(nobody).policy.tried?.enforcedPercentage == 0)
      #expect(try provider(nobody).enforcementBudget == nil)
    }
  }

  @Test("A test says what its token would be refused for: the provider's before the route's")
  func tests() throws {
    var sample = Sample()
    sample.providers = """
      providers:
        local:
          issuer: http://127.0.0.1:8080
          audiences: [example, old]
          signing: { state: state }
          try: { audiences: [example], max_age: 1h, enforce: 99% }

      """
    sample.routes = """
      routes:
        - { path: /plain, auth: local, upstream: echo }
        - { path: /both, auth: local, require: { scopes: [s] }, try: { require: { roles: [a] } }, upstream: echo }
      tests:
        - { request: GET /plain, as: { claims: { aud: old } }, expect: allowed, shadow: audience_mismatch }
        - { request: GET /plain, as: { claims: { iat: 1 } }, expect: allowed, shadow: token_too_old }
        - { request: GET /both, as: { scopes: [s], claims: { aud: old } }, expect: allowed, shadow: audience_mismatch }
        - { request: GET /both, as: { scopes: [s] }, expect: allowed, shadow: role_missing }
        - { request: GET /both, as: { claims: { aud: old } }, expect: scope_missing }

      """
    let tried = try configuration(sample.text)
    #expect(tried.failedTests(now: 1_750_000_000) == nil)
    let evaluator = RequestEvaluator(tried)
    for (aud, reason) in [("old", Reason.audienceMismatch), ("example", nil)] {
      var stated = StatedClaims()
      stated.others = [(ClaimPath(name: "aud"), .string(aud))]
      let routed = evaluator.route(EvaluatedRequest(method: "GET", host: "a", target: "/plain"))
      let supposed = SupposedIdentity(provider: nil, claims: stated, authenticatedAgo: nil)
      let claims = try evaluator.claims(of: supposed, on: routed, now: 1_750_000_000)
      let evaluation = evaluator.decide(routed, claims, now: 1_750_000_000)
      // Who is nobody in particular is in no share; tests enforce none.
      #expect(evaluation.result.refusal == reason)
      let tested = evaluator.decide(routed, claims, now: 1_750_000_000, enforcing: .nobody)
      #expect(tested.result.refusal == nil && tested.unenforced == reason)
      #expect(evaluation.triedFindings.map(\.reason) == [reason])
      #expect(
        evaluation.findings.allSatisfy { $0.holds && !$0.isTried } && evaluation.triedFindings.allSatisfy(\.isTried))
    }
    let wrong = sample.text.replacing("shadow: token_too_old", with: "shadow: claim_missing")
    #expect(
      try configuration(wrong).failedTests(now: 1_750_000_000)?.list.first?.message
        .hasPrefix(#"test "GET /plain": expected shadow claim_missing, found token_too_old"#) == true)
  }
}
