import TestSupport
import Testing

@testable import Configuration

@Suite("Assertions of routes")
struct AssertionTests {
  private func sample(_ assertion: String, _ more: String = "", signing: String = "") -> Sample {
    var sample = Sample.route("auth: local\n    assertion: \(assertion)\(more)")
    if !signing.isEmpty { sample.providers = sample.providers.replacing("state: state", with: signing) }
    return sample
  }

  @Test("Every key is taken over; what is left out has its default")
  func everyKey() throws {
    let plain = try #require(try configuration(sample("{ audience: orders }").text).routes.first)
    #expect(
      plain.assertion
        == AssertionConfiguration(
          header: "X-Portcullis-Assertion", audience: "orders", lifetimeSeconds: 60, provider: 0))
    let all = "{ header: X-Who, audience: orders, lifetime: 10m, provider: local }"
    var two = sample(all, signing: "state: state, algorithm: EdDSA")
    two.providers = two.providers.replacing(
      "providers:\n",
      with: "providers:\n  first: { issuer: https://a.example, audiences: any, signing: { state: state } }\n")
    let route = try #require(try configuration(two.text).routes.first)
    #expect(
      route.assertion
        == AssertionConfiguration(header: "X-Who", audience: "orders", lifetimeSeconds: 600, provider: 1))
  }

  struct Row: CustomTestStringConvertible {
    let assertion: String
    var more = ""
    var signing = ""
    let fault: String
    var testDescription: String { assertion + more + signing }
  }

  @Test(
    "What an assertion cannot be is refused",
    arguments: [
      Row(
        assertion: "{}",
        fault:
          """
          14:16: "audience" is missing. Its `aud`, which the upstream compares with its own name.
          """),
      Row(assertion: "{ audience: a, lifetime: 5s }", fault: "14:41: \"5s\" is out of range: 10s to 10m"),
      Row(
        assertion: "{ audience: a, header: Authorization }",
        fault: "14:39: \"Authorization\" means something else to servers; choose another"),
      Row(
        assertion: "{ audience: a, header: X_Forwarded_User }",
        fault:
          """
          14:39: "X_Forwarded_User" is the same header as "X-Forwarded-User" to many applications; rename one of \
          them
          """),
      Row(
        assertion: "{ audience: a }", more: "\n    identity: { x-portcullis_assertion: sub }",
        fault:
          """
          14:16: "X-Portcullis-Assertion" is the same header as "x-portcullis_assertion" to many applications; rename \
          one of them
          """),
      Row(
        assertion: "{ audience: a }", more: "\n    headers: { set: { X_Portcullis_Assertion: root } }",
        fault: "15:23: \"X_Portcullis_Assertion\" is an identity header; only tokens decide its value"),
      Row(
        assertion: "{ audience: a, provider: locale }",
        fault: "14:41: no provider is called \"locale\"; did you mean \"local\"?"),
      Row(
        assertion: "{ audience: a }", signing: "state: state, algorithm: RS256",
        fault:
          """
          14:5: "local" signs with RS256, which takes too long for an assertion; it needs a provider that signs with ES256 \
          or EdDSA
          """),
      Row(
        assertion: "{ audience: a, provider: local }", signing: "state: state, algorithm: ES512",
        fault:
          """
          14:41: "local" signs with ES512, which takes too long for an assertion; it needs a provider that signs with ES256 \
          or EdDSA
          """),
      Row(
        assertion: "{ audience: a, lifetime: 5m }", signing: "state: state, keep_for: 299s",
        fault: "14:41: \"lifetime\" is longer than \"keep_for\" of the key that signs, which is 299s"),
    ])
  func refused(_ row: Row) {
    #expect(faults(sample(row.assertion, row.more, signing: row.signing).text) == [row.fault])
  }

  @Test("A secret signs no assertion: whoever verifies could make one")
  func secret() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("secret", "", mode: 0o600)
    let sample = sample("{ audience: a }", signing: "state: state, algorithm: HS256, secret_file: \(file)")
    #expect(
      faults(sample.text) == [
        """
        14:5: "local" signs with HS256, with which whoever verifies an assertion could make one; it needs a provider \
        that signs with ES256 or EdDSA
        """
      ])
  }

  @Test("One provider signs, and it is said which where there are several")
  func signers() {
    var none = Sample.provider("")
    none.routes = "routes:\n  - { path: /a, auth: local, upstream: echo, assertion: { audience: a } }\n"
    #expect(
      faults(none.text) == ["12:46: \"assertion\" without a provider that has \"signing\", whose key would sign it"])
    none.routes = none.routes.replacing("audience: a", with: "audience: a, provider: local")
    #expect(
      faults(none.text) == [
        "12:82: \"local\" has no \"signing\"; an assertion is signed by this gateway's own key"
      ])
    var two = sample("{ audience: orders }")
    two.providers += "  other: { issuer: https://a.example, audiences: any, signing: { state: state } }\n"
    #expect(
      faults(two.text) == ["15:5: \"assertion\" without \"provider\", whose key signs it; there are local, other"])
  }

  @Test("Where nobody is known, or nothing goes upstream, nothing is told")
  func useless() {
    #expect(
      faults(Sample.route("auth: none\n    assertion: { audience: a }").text) == [
        "14:5: \"assertion\" with auth: none; nobody is asked for a token"
      ])
    let redirect = Sample.route("auth: local\n    redirect: https://a.example/\n    assertion: { audience: a }").text
    #expect(
      faults(redirect.replacing("    upstream: echo\n", with: "")) == [
        "14:5: \"assertion\" with \"redirect\"; nothing goes to an upstream"
      ])
  }

  @Test("T-6: no provider's tokens are assertions")
  func tokenType() {
    for type in ["portcullis-assertion+jwt", "application/PORTCULLIS-assertion+jwt"] {
      #expect(
        faults(Sample.provider("require: { typ: \(type) }").text) == [
          """
          8:21: "\(type)" is the type of assertions to upstreams ("assertion"), which are not tokens for requests
          """
        ])
    }
  }
}
