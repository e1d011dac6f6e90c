import Testing
import Tokens

@testable import Admin
@testable import Gateway
@testable import Keys
@testable import Telemetry

@Suite("What tokens of a provider may be like, over reloads")
struct AcceptedTokensTests {
  private static func provider(
    _ more: String = "", name: String = "company", issuer: String = "https://id.example.com", audiences: String = "[a]"
  ) -> String {
    """
      \(name):
        issuer: \(issuer)
        audiences: \(audiences)
        jwks_url: https://id.example.com/jwks
        \(more)

    """
  }

  private func accepted(
    _ all: AcceptedTokensOfAll, provider: String = "company", issuer: String = "https://id.example.com"
  ) -> AcceptedTokens {
    all.accepted(
      by: KeyListing(
        provider: provider, issuer: issuer, origin: nil, keys: [], fetchedAt: nil, failures: 0, fetchedEvery: nil))
  }

  @Test(
    "Where tokens may stand",
    arguments: [
      ("", [.bearer]), ("dpop: allowed", [.bearer, .dpop]), ("dpop: required", [.dpop]),
      ("token_from: cookie:t", [.cookie]),
      ("token_from: [authorization, websocket_protocol]", [.bearer, .webSocketProtocol]),
    ] as [(String, [TokenPlace])])
  func places(keys: String, places: [TokenPlace]) throws {
    let all = AcceptedTokensOfAll(try configuration(providers: Self.provider(keys)))
    #expect(accepted(all).places == places)
  }

  @Test("Audiences and algorithms are those of the configuration; of a provider that there is not, nothing")
  func choices() throws {
    let all = AcceptedTokensOfAll(
      try configuration(providers: Self.provider("algorithms: [ES256, RS256]", audiences: "[a, b]")))
    #expect(accepted(all).audiences == ["a", "b"] && accepted(all).algorithms == [.es256, .rs256])
    #expect(!accepted(all).hasCodeFlow)
    #expect(accepted(all, provider: "other").places.isEmpty && accepted(all, issuer: "https://x").places.isEmpty)
  }

  @Test("What a reload adds is accepted since then; what was there before, since before")
  func reload() throws {
    var all = AcceptedTokensOfAll(try configuration(providers: Self.provider()))
    all.take(try configuration(providers: Self.provider(audiences: "[a, b]")), now: 500)
    #expect(accepted(all).since(.audience, "a") == 0 && accepted(all).since(.audience, "b") == 500)
    // A reload that changes nothing of it leaves the time.
    all.take(try configuration(providers: Self.provider(audiences: "[b, a]")), now: 900)
    #expect(accepted(all).since(.audience, "b") == 500)
    // What was gone is new again.
    all.take(try configuration(providers: Self.provider()), now: 1000)
    all.take(try configuration(providers: Self.provider(audiences: "[a, b]")), now: 1100)
    #expect(accepted(all).since(.audience, "b") == 1100 && accepted(all).since(.audience, "a") == 0)
  }

  @Test("A provider that has another issuer is another provider")
  func issuer() throws {
    var all = AcceptedTokensOfAll(try configuration(providers: Self.provider()))
    let other = "https://new.example.com"
    all.take(try configuration(providers: Self.provider(issuer: other)), now: 500)
    #expect(accepted(all, issuer: other).since(.audience, "a") == 500)
    #expect(accepted(all).audiences.isEmpty)
  }
}
