import Sockets
import Testing

@testable import SignIn

@Suite("What operators are told of failures to sign in")
struct AttemptReportsTests {
  private var reports = AttemptReports(pause: .seconds(10))

  private func second(_ seconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: seconds * 1_000_000_000) }

  private func text(_ event: SignInEvent) -> String {
    switch event {
    case .failures(let count, let last, let address): "\(count) failures, \(last ?? "-") from \(address)"
    case .throttled(let limit, let username, let address, let seconds):
      "\(limit.rawValue) \(username ?? "-") from \(address) for \(seconds)"
    case .moreThrottled(let accounts, let addresses): "\(accounts) accounts, \(addresses) addresses more"
    default: "\(event)"
    }
  }

  private mutating func fail(_ username: String?, at time: Int64) -> [String] {
    reports.failed(username, from: "192.0.2.1", at: second(time)).map { [text($0)] } ?? []
  }

  private mutating func reach(
    _ username: String?, _ account: Int64?, _ address: Int64? = nil, ofPrograms: Bool = false, at time: Int64
  ) -> [String] {
    reports.reached(
      .init(account: account, source: address), username, from: "192.0.2.1", ofPrograms: ofPrograms, at: second(time)
    ).map(text)
  }

  private mutating func leftOut(at time: Int64) -> [String] { reports.leftOut(at: second(time)).map(text) }

  @Test("A bound is told when it is reached, whatever was told before; failures are told in the end, all of them")
  mutating func bound() {
    #expect(fail("carl", at: 100) == ["1 failures, carl from 192.0.2.1"])
    for _ in 2...12 { #expect(fail("carl", at: 101) == []) }
    #expect(reach("carl", 900, at: 101) == ["account carl from 192.0.2.1 for 900"])
    #expect(leftOut(at: 109) == [])
    #expect(leftOut(at: 110) == ["11 failures, carl from 192.0.2.1"])
    #expect(leftOut(at: 130) == [])
    #expect(reach("carl", nil, at: 131) == [])
    #expect(
      reach("carl", 900, 800, at: 131)
        == ["account carl from 192.0.2.1 for 900", "address - from 192.0.2.1 for 800"])
    #expect(reach(nil, nil, 800, ofPrograms: true, at: 131) == ["program - from 192.0.2.1 for 800"])
  }

  @Test("A flood of names is some lines and a number, and takes no line from users and addresses")
  mutating func flood() {
    var lines = 0
    for _ in 0..<1000 { lines += reach(nil, 900, at: 100).count }
    #expect(lines == AttemptReports.linesMax)
    #expect(reach("alice", 900, at: 100) == ["account alice from 192.0.2.1 for 900"])
    #expect(reach(nil, nil, 900, at: 100) == ["address - from 192.0.2.1 for 900"])
    for _ in 0..<30 { lines += reach(nil, nil, 900, at: 101).count }
    #expect(lines == 2 * AttemptReports.linesMax - 1)
    #expect(leftOut(at: 109) == [])
    #expect(leftOut(at: 110) == ["980 accounts, 11 addresses more"])
    #expect(leftOut(at: 111) == [])
    #expect(reach(nil, 900, at: 111).count == 1)
  }

  @Test("A flood that goes on is counted meanwhile, and one of programs takes no line from addresses")
  mutating func floodGoesOn() {
    var said: [String] = []
    for second in Int64(100)..<130 {
      for _ in 0..<25 { _ = reach(nil, nil, 900, ofPrograms: true, at: second) }
      said += leftOut(at: second)
    }
    #expect(said == ["0 accounts, 235 addresses more", "0 accounts, 230 addresses more"])
    #expect(reach(nil, nil, 900, at: 130) == ["address - from 192.0.2.1 for 900"])
  }
}
