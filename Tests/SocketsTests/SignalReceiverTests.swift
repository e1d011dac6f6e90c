import Dispatch
import Glibc
import Synchronization
import Testing

@testable import Sockets

@Suite("Signals", .serialized)
struct SignalReceiverTests {
  /// Signals that nothing else here uses, and of which several that come at once are one (signal(7)).
  private static let numbers = [SIGWINCH, SIGIO, SIGPWR]

  private let loop: EventLoop
  private let seen = Seen()

  private final class Seen: Sendable {
    private let numbers = Mutex<[Int32]>([])
    private let came = DispatchSemaphore(value: 0)
    var all: [Int32] { numbers.withLock { $0 } }

    func add(_ number: Int32) {
      numbers.withLock { $0.append(number) }
      came.signal()
    }

    /// Waits until another one was added.
    func wait() { #expect(came.wait(timeout: .now() + 30) == .success) }
  }

  init() throws {
    loop = try EventLoop(label: "signals")
    loop.start()
  }

  /// Catches them, and begins to handle them after `body`, which is called on the loop.
  private func start(after body: @escaping @Sendable () -> Void = {}) {
    let started = DispatchSemaphore(value: 0)
    loop.async { [loop, seen] in
      do throws(SystemError) {
        let receiver = try SignalReceiver(loop: loop)
        for number in SignalReceiverTests.numbers {
          try receiver.handle(number) {
            loop.assertIsCurrent()
            seen.add(number)
          }
        }
        body()
        try receiver.start()
      } catch {
        Issue.record("\(error)")
      }
      started.signal()
    }
    #expect(started.wait(timeout: .now() + 30) == .success)
  }

  @Test("A signal is handled on the loop, alone among others, each time that it comes")
  func handled() {
    start()
    let sent = [1, 0, 2, 1].map { SignalReceiverTests.numbers[$0] }
    for (index, number) in sent.enumerated() {
      #expect(kill(getpid(), number) == 0)
      seen.wait()
      #expect(seen.all == Array(sent[...index]))
    }
  }

  @Test("Signals that come before they can be handled are handled then: none is lost, and many are one")
  func early() {
    start {
      for _ in 0..<100 {
        for number in SignalReceiverTests.numbers { kill(getpid(), number) }
      }
    }
    while Set(seen.all).count < SignalReceiverTests.numbers.count { seen.wait() }
    #expect(seen.all.count < 100)
  }
}
