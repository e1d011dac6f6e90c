public import Access

/// A route with a `try`, and the senders for whom that is enforced.
public struct TriedRoute: Sendable {
  /// The route's name in the configuration.
  public let name: String
  /// For whom its `try` is enforced.
  public let enforcement: Enforcement
  /// Whether it exceeded its budget, so that enforcement has stopped.
  public let isStopped: Bool

  /// - Parameter isStopped: Whether it exceeded its budget.
  public init(name: String, enforcement: Enforcement, isStopped: Bool) {
    self.name = name
    self.enforcement = enforcement
    self.isStopped = isStopped
  }
}
