public import Access

/// A route that tries something, and for whom.
public struct TriedRoute: Sendable {
  public let name: String
  public let enforcement: Enforcement
  /// Whether it refused more than its budget, and is enforced for nobody.
  public let isStopped: Bool

  public init(name: String, enforcement: Enforcement, isStopped: Bool) {
    self.name = name
    self.enforcement = enforcement
    self.isStopped = isStopped
  }
}
