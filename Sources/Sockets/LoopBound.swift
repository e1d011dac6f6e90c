/// A value that lives on one loop, held by others: the only thing that they can do with it is to send it work.
///
/// It is Sendable because the value itself is never handed out elsewhere than on its loop.
@safe
public struct LoopBound<Value>: @unchecked Sendable {
  private let value: Value
  /// The loop that the value lives on.
  public let loop: EventLoop

  /// - Parameters:
  ///   - value: Given away: only code that runs on `loop` may use it from now on.
  ///   - loop: The loop that the value lives on.
  public init(_ value: sending Value, loop: EventLoop) {
    self.value = value
    self.loop = loop
  }

  /// Calls `body` with the value, on its loop.
  public func async(_ body: @escaping @Sendable (Value) -> Void) {
    loop.async { body(value) }
  }
}
