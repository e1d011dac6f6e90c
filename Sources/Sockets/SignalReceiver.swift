import CSystem
import Glibc

/// Handles signals that are sent to the process, on a loop. One for each process, for as long as it lives.
///
/// Dispatch's sources would do, but the thread that they share is woken by every signal that any thread gets, as one
/// that hashes a password does all the time (`BackgroundThreads`).
public final class SignalReceiver: Pollable {
  private let counter: Descriptor
  private let loop: EventLoop
  private var handlers: [Int32: () -> Void] = [:]

  /// - Throws: Where the kernel gives no descriptor.
  public init(loop: EventLoop) throws(SystemError) {
    self.loop = loop
    counter = try Descriptor(csystem_signal_counter(), call: "eventfd")
  }

  /// From now on the signal calls `handler` on the loop instead of doing what it does by default. One that comes again
  /// before it is handled is handled once (signal(7)).
  ///
  /// - Parameters:
  ///   - number: Another one at each call.
  public func handle(_ number: Int32, _ handler: @escaping () -> Void) throws(SystemError) {
    loop.assertIsCurrent()
    if handlers.isEmpty { try loop.register(self, descriptor: counter.number, interest: .readableLevel) }
    handlers[number] = handler
    guard csystem_catch_signal(number, counter.number) == 0 else { throw .last("sigaction") }
  }

  public override func ready(_ events: ReadyEvents) {
    let caught = csystem_caught_signals(counter.number)
    for (number, handler) in handlers.sorted(by: { $0.key < $1.key }) where caught & (1 << UInt64(number)) != 0 {
      handler()
    }
  }
}
