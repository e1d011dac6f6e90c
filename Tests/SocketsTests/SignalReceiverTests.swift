import Dispatch
import Glibc
import Synchronization
import Testing

@testable import Sockets

@Suite("Signals", .serialized)
struct SignalReceiverTests {
  /// A real-time signal (signal(7)), and those that follow.
  private static let unused: Int32 = 40

  @Test("A signal is handled on the loop, alone among others, each time that it comes")
  func handled() throws {
    let loop = try EventLoop(label: "signals")
    loop.start()
    let seen = Mutex<[Int32]>([])
    let came = DispatchSemaphore(value: 0)
    let numbers = [SignalReceiverTests.unused, SignalReceiverTests.unused + 1]
    let installed = DispatchSemaphore(value: 0)
    loop.async {
      do throws(SystemError) {
        let receiver = try SignalReceiver(loop: loop)
        for number in numbers {
          try receiver.handle(number) {
            loop.assertIsCurrent()
            seen.withLock { $0.append(number) }
            came.signal()
          }
        }
      } catch {
        Issue.record("\(error)")
      }
      installed.signal()
    }
    #expect(installed.wait(timeout: .now() + 30) == .success)
    for number in [numbers[1], numbers[0], numbers[1]] {
      #expect(kill(getpid(), number) == 0)
      #expect(came.wait(timeout: .now() + 30) == .success)
      #expect(seen.withLock { $0 }.last == number)
    }
    #expect(seen.withLock { $0 } == [numbers[1], numbers[0], numbers[1]])
  }

  private static func isPending(_ number: Int32) -> Bool {
    var pending = sigset_t()
    return unsafe sigpending(&pending) == 0 && sigismember(&pending, number) == 1
  }

  @Test("Signals that come while the loop is busy are handled once each, and none of them is lost")
  func busy() throws {
    let loop = try EventLoop(label: "signals")
    loop.start()
    let seen = Mutex<[Int32]>([])
    let numbers = (2..<5).map { SignalReceiverTests.unused + $0 }
    let done = DispatchSemaphore(value: 0)
    loop.async {
      do throws(SystemError) {
        let receiver = try SignalReceiver(loop: loop)
        for number in numbers { try receiver.handle(number) { seen.withLock { $0.append(number) } } }
      } catch {
        Issue.record("\(error)")
      }
      for _ in 0..<100 {
        for number in numbers.reversed() { kill(getpid(), number) }
      }
      // Another thread has to take them, while this one is busy.
      for _ in 0..<3000 where numbers.contains(where: SignalReceiverTests.isPending) { usleep(10_000) }
      usleep(50_000)
      _ = loop.schedule(after: .milliseconds(50)) { done.signal() }
    }
    #expect(done.wait(timeout: .now() + 30) == .success)
    #expect(seen.withLock { $0 } == numbers)
  }
}
