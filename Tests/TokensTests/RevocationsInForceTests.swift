import Testing
import Tokens

@Suite("What is in force of a list of revoked tokens")
struct RevocationsInForceTests {
  private static func list(_ ids: String...) -> Revocations {
    var list = Revocations()
    for id in ids { list.insert(.tokenID, id.utf8Span.span, provider: nil) }
    return list
  }

  private static func ids(_ inForce: RevocationsInForce) -> [String] {
    ["a", "b", "c"].filter { inForce.revocations.kind(revoking: "p", jti: $0, subject: nil, keyID: nil) != nil }
  }

  @Test("T-16: what is new counts at once, what is gone is refused until the list has rested for 10 s")
  func rest() {
    var inForce = RevocationsInForce(Self.list("a", "b"))
    inForce.take(Self.list("b", "c"), restedFor: .zero)
    #expect(Self.ids(inForce) == ["a", "b", "c"])
    inForce.take(Self.list("b", "c"), restedFor: .milliseconds(9_999))
    #expect(Self.ids(inForce) == ["a", "b", "c"])
    inForce.take(Self.list("b", "c"), restedFor: .seconds(10))
    #expect(Self.ids(inForce) == ["b", "c"])
  }

  @Test("T-16: a list that became empty has to rest for 30 s")
  func empty() {
    var inForce = RevocationsInForce(Self.list("a"))
    inForce.take(Self.list(), restedFor: .milliseconds(29_999))
    #expect(Self.ids(inForce) == ["a"])
    inForce.take(Self.list(), restedFor: .seconds(30))
    #expect(Self.ids(inForce) == [])
  }

  @Test("T-16: what was gone only while the list was written was never let in")
  func rewritten() {
    var inForce = RevocationsInForce(Self.list("a", "b"))
    for list in [Self.list(), Self.list("a"), Self.list("a", "b")] {
      inForce.take(list, restedFor: .seconds(5))
      #expect(Self.ids(inForce) == ["a", "b"])
    }
    inForce.take(Self.list("a", "b"), restedFor: .seconds(60))
    #expect(Self.ids(inForce) == ["a", "b"])
  }
}
