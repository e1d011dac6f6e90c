/// What is refused of a list that may be seen while it is written.
///
/// What is new in the list counts at once. What is gone from it is refused on until the list has rested.
public struct RevocationsInForce: Sendable {
  /// How long the list has to rest before what is gone from it is let in.
  public static func rest(of list: Revocations) -> Duration {
    // A slow writer begins with an empty file.
    list.isEmpty ? .seconds(30) : .seconds(10)
  }

  /// What is refused now.
  public private(set) var revocations: Revocations

  /// All of `list`, and nothing else: at the start, and where an operator asks for it.
  public init(_ list: Revocations) { revocations = list }

  /// Takes what the list says now.
  ///
  /// - Parameter restedFor: How long it has said that.
  public mutating func take(_ list: Revocations, restedFor: Duration) {
    if restedFor >= RevocationsInForce.rest(of: list) || revocations.countAdded(since: list) == 0 {
      revocations = list
    } else if list.countAdded(since: revocations) > 0 {
      let both = revocations.union(list).fitted()
      // Not without end where the list never rests.
      revocations = both.bytesHeld <= RevocationsInForce.bytesMax ? both : list
    }
  }

  /// Four of the largest lists.
  private static let bytesMax = 128 << 20
}
