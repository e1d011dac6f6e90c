import Dispatch

/// A queue for work that blocks: one piece after the other, on no loop.
public final class SerialQueue: Sendable {
  private let queue: DispatchQueue

  /// - Parameter name: For debuggers.
  public init(name: String) { queue = DispatchQueue(label: name) }

  /// Runs `work` after what was given before; from anywhere.
  public func async(_ work: @escaping @Sendable () -> Void) { queue.async(execute: work) }

  /// As `async`, once `delay` has passed.
  public func async(after delay: Duration, _ work: @escaping @Sendable () -> Void) {
    queue.asyncAfter(deadline: .now() + .milliseconds(Int(delay / .milliseconds(1))), execute: work)
  }
}
