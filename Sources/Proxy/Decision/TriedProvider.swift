/// A provider that enforces for a share of the senders what it tries on its tokens.
public struct TriedProvider: Sendable {
  public let name: String
  /// For so many in a hundred senders.
  public let percentage: Int
  /// Whether it refused more than its budget, and is enforced for nobody.
  public let isStopped: Bool

  public init(name: String, percentage: Int, isStopped: Bool) {
    self.name = name
    self.percentage = percentage
    self.isStopped = isStopped
  }
}
