import Access
import Reason
import Testing

@testable import Configuration

@Suite("try")
struct TryTests {
  private func sample(_ tried: String) -> String {
    Sample.route("auth: local\n    require: { roles: [a] }\n    try: { require: { scopes: [s] }, \(tried) }").text
  }

  @Test(
    "Enforced for nobody, or for a share with a budget",
    arguments: [
      ("enforce: off", Enforcement.nobody, nil), ("enforce: off, budget: 3%", .nobody, nil),
      ("enforce: 10%", .share(percentage: 10), EnforcementBudget(percentage: 1, windowSeconds: 600)),
      (
        "enforce: 1%, budget: 20%, per: 1h", .share(percentage: 1),
        EnforcementBudget(percentage: 20, windowSeconds: 3600)
      ),
    ])
  func written(tried: String, enforcement: Enforcement, budget: EnforcementBudget?) throws {
    let route = try #require(try configuration(sample(tried)).routes.first)
    #expect(route.rule.requirement == Requirement([.roles(["a"])]))
    #expect(route.rule.requirementWithTried == Requirement([.roles(["a"]), .scopes(["s"])]))
    #expect(route.rule.tried?.enforcement == enforcement)
    #expect(route.enforcementBudget == budget)
  }

  @Test(
    "What is wrong is said where it stands",
    arguments: [
      ("enforce: 0%", #"15:47: "0%" is out of range: 1% to 99%"#),
      ("enforce: 100%", "15:47: what is enforced for everyone is no longer a trial: move it to the route's require"),
      ("enforce: on", "15:47: what is enforced for everyone is no longer a trial: move it to the route's require"),
      ("enforce: -1%", #"15:47: "-1%" is not a percentage; write a whole number and %: 10%"#),
      ("enforce: half", #"15:47: "half" is not off or a percentage: 10%"#),
      ("enforce: 5%, budget: 0%", #"15:59: "0%" is out of range: 1% to 100%"#),
    ])
  func faulty(tried: String, fault: String) {
    #expect(faults(sample(tried)) == [fault])
  }

  @Test("It says what is tried, and of somebody who is asked who they are")
  func alone() {
    #expect(
      faults(Sample.route("auth: local\n    try: { enforce: off }").text) == [
        #"14:10: "require" is missing. What a token would have to contain."#
      ])
    #expect(
      faults(Sample.route("auth: none\n    try: { require: { roles: [a] } }").text) == [
        #"14:5: "try" with auth: none; nobody is asked for a token"#
      ])
  }

  @Test("A test expects what is required, and may say what is tried; check warns where nothing else is required")
  func reviewed() throws {
    let tests = """
      tests:
        - { request: GET /api, as: { roles: [a] }, expect: allowed, shadow: scope_missing }
        - { request: GET /api, as: { roles: [a], scopes: [s] }, expect: allowed }
        - { request: GET /api, as: { subject: a }, expect: role_missing }

      """
    for enforce in ["off", "99%"] {
      let configuration = try configuration(sample("enforce: \(enforce)") + tests)
      #expect(configuration.failedTests(now: 0) == nil)
      #expect(RouteReview(configuration).warnings == [])
      let evaluator = RequestEvaluator(configuration)
      let routed = evaluator.route(EvaluatedRequest(method: "GET", host: "a", target: "/api"))
      let claims = try evaluator.claims(of: configuration.tests[0].identity, on: routed, now: 0)
      let evaluation = evaluator.decide(routed, claims, now: 0, enforcing: .nobody)
      #expect(evaluation.result.refusal == nil)
      #expect(evaluation.unenforced == .scopeMissing)
      #expect(evaluation.findings.map(\.holds) == [true, true])
      #expect(evaluation.triedFindings.map(\.reason) == [.scopeMissing])
    }
    let wrong =
      sample("enforce: off") + """
        tests:
          - { request: GET /api, as: { roles: [a], scopes: [s] }, expect: allowed, shadow: role_missing }

        """
    #expect(
      try configuration(wrong).failedTests(now: 0)?.list.first?.message
        .hasPrefix(#"test "GET /api": expected shadow role_missing, found none on route "/api""#) == true)
    #expect(
      faults(sample("enforce: off") + "tests:\n  - { request: GET /api, expect: role_missing, shadow: role_missing }\n")
        == ["17:56: what is refused is tried no further; leave it out, or write expect: allowed"])

    let alone = Sample.route("auth: local\n    try: { require: { roles: [a] }, enforce: 5% }").text
    #expect(
      RouteReview(try configuration(alone)).warnings.map(\.message) == [
        "this route requires nothing: what it tries is enforced for 5% of the senders"
      ])
  }
}
