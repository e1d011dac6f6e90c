import Dispatch
import HTTP
import Synchronization
import Testing

@testable import SignIn

@Suite("Where passwords are checked")
struct PasswordWorkTests {
  @Test("What is more than can be done soon is not taken, and what was taken is done")
  func bounded() {
    let work = PasswordWork(width: 2)
    let gate = DispatchSemaphore(value: 0)
    let ended = DispatchSemaphore(value: 0)
    let most = 2 + Limits.passwordsWaitingMax
    var taken = 0
    for _ in 0..<most + 10 {
      let isTaken = work.submit(for: nil) { _ in
        gate.wait()
        ended.signal()
      }
      if isTaken { taken += 1 }
    }
    #expect(taken == most)
    for _ in 0..<most { gate.signal() }
    for _ in 0..<most { ended.wait() }
  }

  @Test("C-11: an address, or an IPv6 /64, takes its share and no more, and others come in meanwhile")
  func shares() throws {
    let work = PasswordWork(width: 1)
    let (gate, ended) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    func submit(_ text: String) throws -> Bool {
      let address = try #require(IPAddress(text))
      let isFull = work.isFull(for: address)
      let isTaken = work.submit(for: address) { _ in
        gate.wait()
        ended.signal()
      }
      #expect(isTaken != isFull)
      return isTaken
    }
    let share = Limits.addressPasswordsMax
    for number in 1...share {
      #expect(try submit("203.0.113.1") && submit("2001:db8::\(number)"))
    }
    #expect(try !submit("203.0.113.1") && !submit("2001:db8::ffff"))
    #expect(try submit("203.0.113.2") && submit("2001:db8:0:1::1"))
    for _ in 0..<2 * share + 2 { gate.signal() }
    for _ in 0..<2 * share + 2 { ended.wait() }
  }

  @Test("As many are checked at the same time as it is wide, and no more")
  func width() {
    let work = PasswordWork(width: 3)
    let (begun, gate, ended) = (
      DispatchSemaphore(value: 0), DispatchSemaphore(value: 0), DispatchSemaphore(value: 0)
    )
    let counts = Counts()
    for _ in 0..<9 {
      _ = work.submit(for: nil) { _ in
        counts.begin()
        begun.signal()
        gate.wait()
        counts.end()
        ended.signal()
      }
    }
    for _ in 0..<3 { begun.wait() }
    for _ in 0..<9 { gate.signal() }
    for _ in 0..<9 { ended.wait() }
    #expect(counts.most == 3)
  }

  private final class Counts: Sendable {
    private let counts = Mutex((now: 0, most: 0))
    var most: Int { counts.withLock { $0.most } }

    func begin() {
      counts.withLock {
        $0.now += 1
        $0.most = max($0.most, $0.now)
      }
    }

    func end() { counts.withLock { $0.now -= 1 } }
  }
}
