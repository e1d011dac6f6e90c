import Testing

@testable import Proxy

@Suite("Assertions that were signed")
struct RememberedAssertionsTests {
  private func field(_ bytes: Int, _ mark: UInt8 = 1) -> [UInt8] { [UInt8](repeating: mark, count: bytes) }

  @Test("One is found by place, route and keys, while it is good enough")
  func found() {
    var assertions = RememberedAssertions()
    #expect(assertions.keep(field(10), at: 3, route: 0, keyGeneration: 5, during: 100..<130) == 10)
    func has(place: Int = 3, route: Int = 0, keys: UInt64 = 5, now: Int64) -> Bool {
      assertions.field(at: place, route: route, keyGeneration: keys, now: now) == field(10)
    }
    #expect(has(now: 100) && has(now: 129))
    #expect(!has(now: 130))
    // A clock that was set back: it would not be good yet.
    #expect(!has(now: 99))
    #expect(!has(place: 4, now: 100) && !has(route: 1, now: 100) && !has(keys: 6, now: 100))
  }

  @Test("A new one takes the place of the route's last; what is held is counted")
  func replaced() {
    var assertions = RememberedAssertions()
    #expect(assertions.keep(field(10), at: 0, route: 0, keyGeneration: 1, during: 0..<30) == 10)
    #expect(assertions.keep(field(7, 2), at: 0, route: 0, keyGeneration: 2, during: 30..<60) == -3)
    #expect(assertions.field(at: 0, route: 0, keyGeneration: 2, now: 30) == field(7, 2))
    #expect(assertions.field(at: 0, route: 0, keyGeneration: 1, now: 10) == nil)
    #expect(assertions.forget(at: 0) == 7)
    #expect(assertions.field(at: 0, route: 0, keyGeneration: 2, now: 30) == nil)
    #expect(assertions.forget(at: 0) == 0)
  }

  @Test("Four for one token: then the one goes that is over first")
  func bounded() {
    var assertions = RememberedAssertions()
    var held = 0
    for (route, end) in [40, 20, 30, 50, 60].enumerated() {
      held += assertions.keep(field(10), at: 0, route: route, keyGeneration: 1, during: 0..<Int64(end))
      held += assertions.keep(field(3), at: 1, route: route, keyGeneration: 1, during: 0..<Int64(end))
    }
    #expect(held == 4 * 13)
    let known = (0..<5).filter { assertions.field(at: 0, route: $0, keyGeneration: 1, now: 1) != nil }
    #expect(known == [0, 2, 3, 4])
    #expect(assertions.forget(at: 0) == 40 && assertions.forget(at: 1) == 12)
  }
}
