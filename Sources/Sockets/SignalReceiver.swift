import CSystem
import Glibc

/// Handles signals that are sent to the process, on a loop. One for each process, for as long as it lives.
///
/// Dispatch's sources would do, but the thread that they share is woken by every signal that any thread gets, as one
/// that hashes a password does all the time (`BackgroundThreads`).
public final class SignalReceiver: Pollable {
  private let loop: EventLoop
  private let counter: Descriptor
  private var handlers: [(number: Int32, handle: () -> Void)] = []

  /// - Throws: Where the kernel gives no descriptor.
  public init(loop: EventLoop) throws(SystemError) {
    self.loop = loop
    counter = try Descriptor(csystem_signal_counter(), call: "eventfd")
  }

  /// From now on the signal waits until a receiver handles it, instead of doing what it does by default: for one that may
  /// come before there is a receiver, which will say if it cannot be caught.
  ///
  /// - Parameter number: 1 to 63.
  public static func keep(_ number: Int32) { _ = csystem_catch_signal(number) }

  /// From now on the signal is handled, on the loop once that is started, instead of doing what it does by default. One
  /// that comes again before it is handled is handled once (signal(7)).
  ///
  /// - Parameter number: 1 to 63, another one at each call.
  public func handle(_ number: Int32, _ handler: @escaping () -> Void) throws(SystemError) {
    precondition((1..<64).contains(number))
    handlers.append((number, handler))
    guard csystem_catch_signal(number) == 0 else { throw .last("sigaction") }
  }

  /// Begins to handle signals, also those that came since they are caught. Once, on the loop.
  public func start() throws(SystemError) {
    try loop.register(self, descriptor: counter.number, interest: .readableLevel)
  }

  public override func ready(_ events: ReadyEvents) { handleCaught() }

  /// Handles those that came by now. On the loop.
  public func handleCaught() {
    let caught = csystem_take_signals()
    for (number, handle) in handlers where caught & (1 << UInt64(number)) != 0 { handle() }
  }
}
