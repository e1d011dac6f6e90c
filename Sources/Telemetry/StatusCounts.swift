/// How many responses there were by the first digit of their status; 0 is for exchanges that were cut before there was
/// one.
public struct StatusCounts: Sendable {
  private var counts = InlineArray<6, UInt64>(repeating: 0)

  /// All counts at zero.
  public init() {}

  mutating func count(_ status: Int) {
    let place = status / 100
    counts[place < 6 && place >= 0 ? place : 0] &+= 1
  }

  mutating func add(_ other: StatusCounts) {
    for place in counts.indices { counts[place] &+= other.counts[place] }
  }

  /// What came since `earlier`, of the same counters.
  func since(_ earlier: StatusCounts) -> StatusCounts {
    var result = self
    for place in counts.indices { result.counts[place] &-= earlier.counts[place] }
    return result
  }

  /// How many there were of one class.
  ///
  /// - Parameter place: The first digit of the status; of another number than 0 to 5 the count is 0.
  public func count(of place: Int) -> UInt64 { counts.indices.contains(place) ? counts[place] : 0 }

  /// The sum of all classes, with the exchanges that had no status.
  public var total: UInt64 {
    var sum: UInt64 = 0
    for place in counts.indices { sum &+= counts[place] }
    return sum
  }
}
