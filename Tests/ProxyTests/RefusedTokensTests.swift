import Reason
import Testing
import Tokens

@testable import Proxy

@Suite("Opaque tokens that were refused")
struct RefusedTokensTests {
  private static let now: UnixSeconds = 1_800_000_000

  private static func find(
    _ text: String, _ tokens: RefusedTokens, provider: Int = 0, now: UnixSeconds = now
  ) -> Reason? {
    tokens.find(Array(text.utf8).span, provider: provider, now: now)
  }

  private static func insert(
    _ text: String, _ tokens: inout RefusedTokens, _ reason: Reason = .tokenInactive, seconds: Int64 = 30
  ) {
    tokens.insert(Array(text.utf8).span, provider: 0, reason, now: now, seconds: seconds)
  }

  @Test("One is found by its bytes and its provider, with why")
  func found() {
    var tokens = RefusedTokens()
    #expect(Self.find("a", tokens) == nil)
    Self.insert("a", &tokens)
    Self.insert("b", &tokens, .audienceMismatch)
    #expect(Self.find("a", tokens) == .tokenInactive)
    #expect(Self.find("b", tokens) == .audienceMismatch)
    #expect(Self.find("c", tokens) == nil)
    #expect(Self.find("a", tokens, provider: 1) == nil)
  }

  @Test("For ten seconds, or for as long as the issuer's word is taken", arguments: [(30, 10), (10, 10), (3, 3)])
  func ends(seconds: Int64, lasting: Int64) {
    var tokens = RefusedTokens()
    Self.insert("a", &tokens, seconds: seconds)
    #expect(Self.find("a", tokens, now: Self.now + lasting - 1) == .tokenInactive)
    #expect(Self.find("a", tokens, now: Self.now + lasting) == nil)
  }

  @Test("Not at all where nothing is remembered")
  func never() {
    var tokens = RefusedTokens()
    Self.insert("a", &tokens, seconds: 0)
    #expect(tokens.count == 0)
  }

  @Test("A thousand are remembered, the latest ones")
  func bounded() {
    var tokens = RefusedTokens()
    for number in 0..<2500 { Self.insert("t\(number)", &tokens) }
    #expect(tokens.count == RefusedTokens.countMax)
    #expect(Self.find("t1499", tokens) == nil)
    for number in 1500..<2500 { #expect(Self.find("t\(number)", tokens) == .tokenInactive) }
    // One that is told again takes no second place.
    for _ in 0..<2000 { Self.insert("t2499", &tokens) }
    #expect(tokens.count == RefusedTokens.countMax)
    #expect(Self.find("t1500", tokens) == .tokenInactive)
    tokens.removeAll()
    #expect(tokens.count == 0)
    #expect(Self.find("t2499", tokens) == nil)
  }

  @Test(
    "What is a JWT, and what may be a token at all",
    arguments: [
      ("a.b.c", true, true), ("..", true, true), ("a.b", false, true), ("a.b.c.d", false, true),
      ("a.b.c.d.e", false, true), ("a.b.c=", false, true), ("a.b.c+", false, true), ("a.b~.c", false, true),
      ("aZ09-_.b.", true, true), ("abc", false, true), ("abc==", false, true), ("a=b", false, false),
      ("=", false, false), ("", false, false), ("a b", false, false), ("a,b", false, false), ("a\"", false, false),
      ("a:b", false, false), ("a%20", false, false), ("{}", false, false), ("é", false, false), ("a\t", false, false),
    ])
  func form(text: String, isCompact: Bool, isBearerToken: Bool) {
    let token = Array(text.utf8)
    #expect(TokenForm.isCompact(token.span) == isCompact)
    #expect(TokenForm.isBearerToken(token.span) == isBearerToken)
  }
}
