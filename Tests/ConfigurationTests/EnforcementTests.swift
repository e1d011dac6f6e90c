import Access
import Reason
import Testing

@testable import Configuration

@Suite("enforce")
struct EnforcementTests {
  private func sample(_ enforce: String) -> String {
    Sample.route("auth: local\n    require: { roles: [a] }\n    enforce: \(enforce)").text
  }

  @Test(
    "On, off, or for a share with a budget",
    arguments: [
      ("on", Enforcement.everyone, nil), ("off", .nobody, nil),
      ("10%", .share(percentage: 10), EnforcementBudget(percentage: 1, windowSeconds: 600)),
      ("{ percentage: 99% }", .share(percentage: 99), EnforcementBudget(percentage: 1, windowSeconds: 600)),
      (
        "{ percentage: 1%, budget: 20%, per: 1h }", .share(percentage: 1),
        EnforcementBudget(percentage: 20, windowSeconds: 3600)
      ),
    ])
  func written(enforce: String, enforcement: Enforcement, budget: EnforcementBudget?) throws {
    let route = try #require(try configuration(sample(enforce)).routes.first)
    #expect(route.rule.enforcement == enforcement)
    #expect(route.enforcementBudget == budget)
  }

  @Test(
    "What is wrong is said where it stands",
    arguments: [
      ("0%", #"15:14: "0%" is out of range: 1% to 99%"#),
      ("100%", #"15:14: "100%" is out of range: 1% to 99%"#),
      ("-1%", #"15:14: "-1%" is no percentage; write a whole number and %: 10%"#),
      ("half", #"15:14: "half" is not on, off, a percentage or a mapping: 10%"#),
      ("10", #"15:14: "10" is not on, off, a percentage or a mapping: 10%"#),
      ("{ budget: 1% }", #"15:14: "percentage" is missing. So many of the senders."#),
      ("{ percentage: 5%, budget: 0% }", #"15:40: "0%" is out of range: 1% to 100%"#),
    ])
  func faulty(enforce: String, fault: String) {
    #expect(faults(sample(enforce)) == [fault])
  }

  @Test("Without require there is nothing to enforce")
  func alone() {
    let sample = Sample.route("auth: local\n    enforce: off")
    #expect(faults(sample.text) == [#"14:5: "enforce" without require: there is nothing to enforce"#])
  }

  @Test("A test expects what the rule decides, and check warns of it")
  func reviewed() throws {
    let text =
      sample("off") + """
        tests:
          - { request: GET /api, as: { subject: a }, expect: role_missing }

        """
    let configuration = try configuration(text)
    #expect(configuration.failedTests(now: 0) == nil)
    let warnings = RouteReview(configuration).warnings.map(\.message)
    #expect(warnings == ["what this route requires is not enforced: enforce is off"])
    let trials = RequestTrials(configuration)
    let routed = trials.route(TrialRequest(method: "GET", host: "a", target: "/api"))
    let claims = try trials.claims(of: configuration.tests[0].identity, on: routed, now: 0)
    let trial = trials.decide(routed, claims, now: 0)
    #expect(trial.result.refusal == nil)
    #expect(trial.unenforced == .roleMissing)
  }
}
