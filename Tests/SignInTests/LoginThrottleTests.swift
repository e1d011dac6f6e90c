import HTTP
import Testing

@testable import SignIn

@Suite("Failures to sign in")
struct LoginThrottleTests {
  private func attempt(_ account: String, _ address: String? = "192.0.2.1") -> LoginThrottle.Attempt {
    LoginThrottle.Attempt(account: account, client: address.flatMap { IPAddress($0) })
  }

  private func fail(_ throttle: inout LoginThrottle, _ attempt: LoginThrottle.Attempt, now: Int64) -> Bool {
    guard throttle.begin(attempt, now: now) == .admitted else { return false }
    throttle.ended(attempt, .failed, now: now)
    return true
  }

  @Test("Ten of an account within 15 minutes are enough, from wherever they come (SECURITY C-11)")
  func account() {
    var throttle = LoginThrottle()
    for index in 0..<10 {
      let next = attempt("alice", "192.0.2.\(index)")
      #expect(fail(&throttle, next, now: 1000 + Int64(index)))
    }
    #expect(throttle.begin(attempt("alice", "198.51.100.1"), now: 1010) == .refused(890))
    #expect(throttle.begin(attempt("bob", "198.51.100.1"), now: 1010) == .admitted)
    #expect(throttle.begin(attempt("alice"), now: 1900) == .admitted)
  }

  @Test("Fifty from an address are enough, whomever they are about")
  func address() {
    var throttle = LoginThrottle()
    for index in 0..<50 {
      let next = attempt("user-\(index)")
      #expect(fail(&throttle, next, now: 1000))
    }
    #expect(throttle.begin(attempt("alice"), now: 1000) == .refused(900))
    #expect(throttle.begin(attempt("alice", "192.0.2.2"), now: 1000) == .admitted)
    #expect(throttle.begin(attempt("alice", nil), now: 1000) == .admitted)
  }

  @Test("A machine is refused at an address where it has failed fifty times, and no other one is (SECURITY C-11)")
  func machines() {
    func machine(_ id: String, _ address: String? = "192.0.2.1") -> LoginThrottle.Attempt {
      LoginThrottle.Attempt(machine: id, client: address.flatMap { IPAddress($0) })
    }
    var throttle = LoginThrottle(rememberedMax: 100)
    for _ in 0..<50 {
      let isAdmitted = fail(&throttle, machine("nosuch"), now: 1000)
      #expect(isAdmitted)
    }
    #expect(throttle.begin(machine("nosuch"), now: 1000) == .refused(900))
    #expect(throttle.begin(machine("ci"), now: 1000) == .admitted)
    #expect(throttle.begin(machine("nosuch", "192.0.2.2"), now: 1000) == .admitted)
    #expect(throttle.begin(machine("nosuch", nil), now: 1000) == .admitted)
    for index in 0..<5000 { _ = fail(&throttle, machine("nosuch-\(index)"), now: 1001) }
    #expect(throttle.remembered <= 100)
    #expect(throttle.begin(machine("nosuch"), now: 1002) == .refused(898))
  }

  @Test("What reaches its bound is told once, with the failure that it reaches it with")
  func reached() {
    var throttle = LoginThrottle()
    var told: [LoginThrottle.Reached] = []
    func fail(_ name: String, now: Int64) {
      if throttle.begin(attempt(name), now: now) == .admitted {
        told.append(throttle.ended(attempt(name), .failed, now: now))
      }
    }
    for index in 0..<12 { fail("alice", now: 1000 + Int64(index)) }
    #expect(told.count == 10 && told[..<9].allSatisfy { $0 == .init() })
    #expect(told[9] == .init(account: 891, source: nil))
    for index in 0..<45 { fail("user-\(index)", now: 1012) }
    #expect(told.count == 50 && told[10..<49].allSatisfy { $0 == .init() })
    #expect(told[49] == .init(account: nil, source: 888))
    // Once more when it begins anew.
    for _ in 0..<10 { fail("alice", now: 2000) }
    #expect(told.last == .init(account: 900, source: nil))
    #expect(throttle.ended(attempt("bob"), .notAttempted, now: 2000) == .init())
  }

  @Test("An IPv6 address counts with its /64")
  func network() {
    var throttle = LoginThrottle()
    for index in 0..<50 {
      let next = attempt("user-\(index)", "2001:db8::\(index + 1)")
      #expect(fail(&throttle, next, now: 1000))
    }
    #expect(throttle.begin(attempt("alice", "2001:db8::ffff"), now: 1000) == .refused(900))
    #expect(throttle.begin(attempt("alice", "2001:db8:0:1::1"), now: 1000) == .admitted)
  }

  @Test("Who signs in begins anew, and tries that never were count for nothing")
  func success() {
    var throttle = LoginThrottle()
    for _ in 0..<9 { _ = fail(&throttle, attempt("alice"), now: 1000) }
    #expect(throttle.begin(attempt("alice"), now: 1000) == .admitted)
    throttle.ended(attempt("alice"), .notAttempted, now: 1000)
    #expect(throttle.begin(attempt("alice"), now: 1000) == .admitted)
    throttle.ended(attempt("alice"), .succeeded, now: 1000)
    for _ in 0..<10 {
      let isAdmitted = fail(&throttle, attempt("alice"), now: 1000)
      #expect(isAdmitted)
    }
    #expect(throttle.begin(attempt("alice"), now: 1000) == .refused(900))
  }

  @Test("Many at once are not more than one after the other")
  func atOnce() {
    var throttle = LoginThrottle()
    for _ in 0..<10 { #expect(throttle.begin(attempt("alice"), now: 1000) == .admitted) }
    #expect(throttle.begin(attempt("alice"), now: 1000) == .refused(1))
    for _ in 0..<10 { throttle.ended(attempt("alice"), .failed, now: 1000) }
    #expect(throttle.begin(attempt("alice"), now: 1000) == .refused(900))
  }

  @Test("A clock that is set back lets nobody wait for ever")
  func clock() {
    var throttle = LoginThrottle()
    for _ in 0..<10 { _ = fail(&throttle, attempt("alice"), now: 100_000) }
    #expect(throttle.begin(attempt("alice"), now: 1000) == .admitted)
  }

  @Test("However many names are tried, memory is bounded, and who failed often is not forgotten for them")
  func bounded() {
    var throttle = LoginThrottle(rememberedMax: 100)
    for _ in 0..<10 { _ = fail(&throttle, attempt("alice", nil), now: 1000) }
    for index in 0..<5000 { _ = fail(&throttle, attempt("name-\(index)", nil), now: 1001) }
    #expect(throttle.remembered <= 100)
    #expect(throttle.begin(attempt("alice", nil), now: 1002) == .refused(898))
  }
}
