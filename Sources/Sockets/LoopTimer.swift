/// A callback at a time, on a loop. For the few timers of the control loop; connections use a `DeadlineList`.
public final class LoopTimer {
  let at: MonotonicTime
  private var handler: (() -> Void)?

  init(at: MonotonicTime, handler: @escaping () -> Void) {
    self.at = at
    self.handler = handler
  }

  /// After this the callback never comes.
  public func cancel() { handler = nil }

  var isCancelled: Bool { handler == nil }

  func fire() {
    let handler = self.handler
    self.handler = nil
    handler?()
  }
}
