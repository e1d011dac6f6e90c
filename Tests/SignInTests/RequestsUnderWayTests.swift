import Testing

@testable import SignIn

@Suite("Requests of a sign-in")
struct RequestsUnderWayTests {
  @Test("No more are let in than the most, and one that has ended makes room")
  func bound() {
    let requests = RequestsUnderWay(most: 2)
    #expect(requests.enter() && requests.enter())
    #expect(!requests.enter() && !requests.enter())
    requests.leave()
    #expect(requests.enter() && !requests.enter())
  }
}
