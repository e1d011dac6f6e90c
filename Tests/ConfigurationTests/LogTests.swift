import Testing
import Tokens

@testable import Configuration

@Suite("log")
struct LogTests {
  private func sample(_ log: String) -> String {
    var sample = Sample.route(
      "auth: local\n    require: { any: [{ roles: [a] }, { not: { claims: { x.y: 1 } } }], max_age: 1h }")
    sample.top = "log: { \(log) }\n"
    return sample.text
  }

  @Test("Claims: off, those of rules, or those and others")
  func claims() throws {
    #expect(try configuration(sample("format: json")).loggedClaims == [])
    #expect(try configuration(sample("claims: off")).loggedClaims == [])
    let rules = try configuration(sample("claims: rules"))
    let paths = try ["roles", "x.y", "auth_time"].map { try ClaimPath($0) }
    #expect(rules.loggedClaims == [ClaimSelection(paths)])
    let more = try configuration(sample(#"claims: [x.z, 'a\.b']"#))
    #expect(more.loggedClaims == [ClaimSelection(paths + [try ClaimPath("x.z"), ClaimPath(name: "a.b")])])
    #expect(more.log.isWritten(as: rules.log))
    #expect(try !more.log.isWritten(as: configuration(sample("format: json")).log))
  }

  @Test(
    "What is wrong is said where it stands",
    arguments: [
      ("claims: rule", #"3:16: "rule" is not off, rules or a list of claims; did you mean "rules"?"#),
      ("claims: [rules]", #"3:17: "rules" cannot be in a list; write rules without brackets"#),
      ("claims: [x, OFF]", #"3:20: "OFF" cannot be in a list; write off without brackets"#),
      ("claims: []", "3:16: an empty list; expected a list of claims, or leave the key out"),
      ("claims: [a..b]", #"3:17: "a..b" is not a claim; write a name, or names joined by dots"#),
      ("format: combined, claims: rules", #"3:34: "claims" with format: combined, which has no field for them"#),
    ])
  func faulty(log: String, fault: String) {
    #expect(faults(sample(log)) == [fault])
  }
}
