import Dispatch
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
      let isTaken = work.submit { _ in
        gate.wait()
        ended.signal()
      }
      if isTaken { taken += 1 }
    }
    #expect(taken == most)
    for _ in 0..<most { gate.signal() }
    for _ in 0..<most { ended.wait() }
  }

  @Test("As many are checked at the same time as it is wide, and no more")
  func width() {
    let work = PasswordWork(width: 3)
    let (begun, gate, ended) = (
      DispatchSemaphore(value: 0), DispatchSemaphore(value: 0), DispatchSemaphore(value: 0)
    )
    let counts = Counts()
    for _ in 0..<9 {
      _ = work.submit { _ in
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
