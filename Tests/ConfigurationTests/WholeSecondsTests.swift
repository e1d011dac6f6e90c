import Testing
import Tokens

@testable import Configuration

@Suite("Durations that are counted in seconds")
struct WholeSecondsTests {
  private static let signing = "signing: { state: state }"

  @Test(
    "A fraction of a second is refused where it would be lost",
    arguments: [
      Sample.provider("leeway: 900ms"),
      .provider("max_age: 1500ms"),
      .provider("try: { max_age: 1500ms }"),
      .provider("try: { audiences: [a], enforce: 10%, per: 1500ms }"),
      .provider("", source: "signing: { state: state, rotate_every: 3600500ms }"),
      .provider("", source: "signing: { state: state, keep_for: 86400500ms }"),
      .provider("sign_in: { users_file: users.yaml, lifetime: 1500ms }", source: signing),
      .provider("sign_in: { users_file: users.yaml, refresh: 86400500ms }", source: signing),
      .provider("sign_in: { users_file: users.yaml, idle: 86400500ms }", source: signing),
      .provider("code_flow: { client_id: a, url: \"https://a.example\", state: s, lifetime: 86400500ms }"),
      .provider("code_flow: { client_id: a, url: \"https://a.example\", state: s, idle: 60500ms }"),
      .provider("introspection: { url: \"https://a.example\", client_id: a, cache: 1500ms }"),
      .route("auth: local\n    require: { max_age: 1500ms }"),
      .route("auth: local\n    try: { require: { roles: [a] }, enforce: 10%, per: 1500ms }"),
      .route("auth: local\n    assertion: { audience: a, lifetime: 10500ms }"),
      .route("auth: local\n    cors: { origins: [\"https://a.example\"], max_age: 1500ms }"),
      Sample(top: "tests: [{ request: GET /api, as: { authenticated: 1500ms }, expect: allowed }]\n"),
    ])
  func fractions(_ sample: Sample) {
    let found = faults(sample.text)
    #expect(found.count { $0.hasSuffix("00ms\" is not a whole number of seconds") } == 1, "\(found)")
    let whole = faults(sample.text.replacing("500ms", with: "000ms").replacing("900ms", with: "1000ms"))
    #expect(!whole.contains { $0.contains("whole number") || $0.contains("out of range") }, "\(whole)")
  }

  @Test("Milliseconds that are whole seconds are taken")
  func milliseconds() throws {
    let provider = try #require(
      try configuration(Sample.provider("leeway: 2000ms\n    max_age: 60000ms").text).providers.first)
    #expect(provider.policy.leewaySeconds == 2 && provider.policy.ageMaxSeconds == 60)
  }
}
