import Testing

@testable import SignIn

@Suite("Shares of what is under way")
struct SharesUnderWayTests {
  @Test("C-11: a sender has its share, all have the most, and what has ended makes room")
  func bounds() {
    let shares = SharesUnderWay<String>(most: 3, share: 2)
    #expect(shares.enter("a") && shares.enter("a") && shares.isFull(for: "a"))
    #expect(!shares.enter("a") && !shares.isFull(for: "b") && !shares.isFull(for: nil))
    #expect(shares.enter("b") && !shares.enter("c") && !shares.enter(nil) && shares.isFull(for: nil))
    shares.leave("a")
    #expect(!shares.isFull(for: "a") && shares.enter("a") && !shares.enter("b"))
    shares.leave("b")
    #expect(shares.enter(nil) && shares.isFull(for: "b"))
    shares.leave(nil)
    for _ in 0..<2 { shares.leave("a") }
    #expect(shares.enter("a") && shares.enter("a") && !shares.enter("a"))
  }
}
