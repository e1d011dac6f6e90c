import Access
import Sockets
import Testing

@testable import Proxy

@Suite("A share of the senders")
struct EnforcementRampTests {
  private func time(_ seconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: seconds * 1_000_000_000) }

  @Test("It stops once, where its budget is spent")
  func stops() {
    let ramp = EnforcementRamp(EnforcementBudget(percentage: 10, windowSeconds: 60))
    for _ in 0..<100 { #expect(ramp.count(refused: nil, now: time(1)) == nil) }
    for number in 0..<11 { #expect(ramp.count(refused: "\(number)", now: time(2)) == nil) }
    #expect(!ramp.isStopped)
    #expect(ramp.count(refused: "0", now: time(3)) == EnforcementRamp.Stop(refused: 12, requests: 112))
    #expect(ramp.isStopped)
    #expect(ramp.count(refused: "1", now: time(4)) == nil)
    #expect(ramp.count(refused: "1", now: time(400)) == nil)
    #expect(ramp.isStopped)
  }

  @Test("One who tries again and again stops nothing")
  func oneSender() {
    let ramp = EnforcementRamp(EnforcementBudget(percentage: 1, windowSeconds: 60))
    for number in 0..<9000 { #expect(ramp.count(refused: "\(number % 9)", now: time(1)) == nil) }
    #expect(!ramp.isStopped)
  }

  @Test("Each window is counted by itself")
  func windows() {
    let ramp = EnforcementRamp(EnforcementBudget(percentage: 1, windowSeconds: 60))
    for window: Int64 in 1...20 {
      for number in 0..<9 { #expect(ramp.count(refused: "\(window) \(number)", now: time(window * 60)) == nil) }
    }
    #expect(!ramp.isStopped)
  }
}
