public import Access

/// A route with a `try`, and the senders for whom that is enforced.
public struct TriedRoute: Sendable {
  public let name: String
  public let enforcement: Enforcement
  /// Whether it exceeded its budget, so that enforcement has stopped.
  public let isStopped: Bool

  public init(name: String, enforcement: Enforcement, isStopped: Bool) {
    self.name = name
    self.enforcement = enforcement
    self.isStopped = isStopped
  }
}
