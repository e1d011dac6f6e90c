import Tokens

/// Assertions that one loop has signed, by the place of the token that they are about in its cache: a signature costs
/// more than all else of a request whose token is known.
struct RememberedAssertions {
  private struct Entry {
    let route: Int
    /// Of the keys whose first has signed.
    let keyGeneration: UInt64
    /// When it is used.
    let seconds: Range<UnixSeconds>
    let field: [UInt8]
  }

  /// For one token. Who goes to more routes with assertions than that has some signed again.
  static let countMax = 4

  private var places: [Int: [Entry]] = [:]

  /// The field line that was signed about the token at `place` for a route, while it is good enough to go out again.
  func field(at place: Int, route: Int, keyGeneration: UInt64, now: UnixSeconds) -> [UInt8]? {
    guard let entry = places[place]?.first(where: { $0.route == route }) else { return nil }
    return entry.keyGeneration == keyGeneration && entry.seconds.contains(now) ? entry.field : nil
  }

  /// Remembers one, in the place of the route's last one, or of the one that is over first.
  ///
  /// - Returns: By how many bytes it holds more; fewer where negative.
  mutating func keep(
    _ field: [UInt8], at place: Int, route: Int, keyGeneration: UInt64, during seconds: Range<UnixSeconds>
  ) -> Int {
    let entry = Entry(route: route, keyGeneration: keyGeneration, seconds: seconds, field: field)
    var entries = places[place] ?? []
    var replaced = entries.firstIndex { $0.route == route }
    if replaced == nil, entries.count >= RememberedAssertions.countMax {
      replaced = entries.indices.min { entries[$0].seconds.upperBound < entries[$1].seconds.upperBound }
    }
    var more = field.count
    if let replaced {
      more -= entries[replaced].field.count
      entries[replaced] = entry
    } else {
      entries.append(entry)
    }
    places[place] = entries
    return more
  }

  /// Forgets what is about the token at `place`.
  ///
  /// - Returns: How many bytes that were.
  mutating func forget(at place: Int) -> Int {
    if places.isEmpty { return 0 }
    return places.removeValue(forKey: place)?.reduce(0) { $0 + $1.field.count } ?? 0
  }
}
