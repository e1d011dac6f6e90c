/// A provider whose `try` is enforced for a share of senders.
public struct TriedProvider: Sendable {
  /// The provider's name in the configuration.
  public let name: String
  /// The percentage of senders for whom it is enforced, 1 to 99.
  public let percentage: Int
  /// Whether it exceeded its budget, so that enforcement has stopped.
  public let isStopped: Bool

  /// - Parameter percentage: 1 to 99.
  public init(name: String, percentage: Int, isStopped: Bool) {
    self.name = name
    self.percentage = percentage
    self.isStopped = isStopped
  }
}
