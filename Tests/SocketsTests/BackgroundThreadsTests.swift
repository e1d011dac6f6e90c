import Dispatch
import Glibc
import Synchronization
import Testing

@testable import Sockets

@Suite("Threads for what is in no hurry")
struct BackgroundThreadsTests {
  @Test("Work is done in order, by threads that the loops come before")
  func order() {
    let threads = BackgroundThreads(name: "background", count: 1)
    let done = Mutex<[Int]>([])
    let niceness = Mutex<Int32>(0)
    let ended = DispatchSemaphore(value: 0)
    for number in 0..<100 {
      threads.async {
        done.withLock { $0.append(number) }
        niceness.withLock { $0 = getpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0) }
        if number == 99 { ended.signal() }
      }
    }
    #expect(ended.wait(timeout: .now() + 60) == .success)
    #expect(done.withLock { $0 } == Array(0..<100))
    #expect(niceness.withLock { $0 } > getpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0))
  }

  @Test("What waits when they end is dropped, and what it held with it")
  func end() {
    let (begun, gate, released) = (
      DispatchSemaphore(value: 0), DispatchSemaphore(value: 0), DispatchSemaphore(value: 0)
    )
    do {
      let threads = BackgroundThreads(name: "background", count: 1)
      threads.async {
        begun.signal()
        gate.wait()
      }
      let held = Held { released.signal() }
      threads.async { held.touch() }
      #expect(begun.wait(timeout: .now() + 60) == .success)
    }
    #expect(released.wait(timeout: .now() + 60) == .success)
    gate.signal()
  }

  private final class Held: Sendable {
    private let released: @Sendable () -> Void

    init(_ released: @escaping @Sendable () -> Void) { self.released = released }
    deinit { released() }

    func touch() {}
  }
}
