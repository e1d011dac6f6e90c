import Tokens

/// Assertions that one loop has signed, by the index of their token in its cache: a signature costs more than
/// everything else in a request whose token is known.
struct RememberedAssertions {
  private struct Entry {
    let route: Int
    /// Of the keys whose first has signed.
    let keyGeneration: UInt64
    /// When it is used.
    let seconds: Range<UnixSeconds>
    let field: [UInt8]
  }

  /// Assertions per token. A sender that uses more routes with assertions has some signed again.
  static let countMax = 4

  private var places: [Int: [Entry]] = [:]

  /// The field line that was signed about the token at `place` for a route; nil if it cannot be sent again.
  func field(at place: Int, route: Int, keyGeneration: UInt64, now: UnixSeconds) -> [UInt8]? {
    guard let entry = places[place]?.first(where: { $0.route == route }) else { return nil }
    return entry.keyGeneration == keyGeneration && entry.seconds.contains(now) ? entry.field : nil
  }

  /// Remembers one, replacing the route's last one, or the one that expires first.
  ///
  /// - Returns: The change in bytes held; negative if fewer.
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

  /// Forgets the assertions about the token at `place`.
  ///
  /// - Returns: The number of bytes freed.
  mutating func forget(at place: Int) -> Int {
    if places.isEmpty { return 0 }
    return places.removeValue(forKey: place)?.reduce(0) { $0 + $1.field.count } ?? 0
  }
}
