internal import Fetch
internal import Sockets
internal import Tokens

/// A key set that was fetched, now or before this process began.
struct FetchedKeys {
  let keySet: KeySet
  /// What it was read from.
  let text: [UInt8]
  /// Of the keys, in their order (RFC 7638).
  let thumbprints: [String]
  /// When each key was first seen, by its thumbprint.
  let firstSeen: [String: UnixSeconds]
  /// Where it was fetched, which for a discovered one is not where the provider is.
  var address: String
  /// For a fetch at `address` (RFC 9110 §8.8.3).
  var entityTag: String?
  var fetchedAt: MonotonicTime
  /// `fetchedAt` of the wall clock, for people and for copies.
  var fetchedAtSeconds: UnixSeconds
  var origin: KeyListing.Origin

  /// - Parameter seen: When keys were first seen that are known already; others are seen at `fetchedAtSeconds`.
  init(
    _ keySet: KeySet, text: [UInt8], address: String, entityTag: String?, fetchedAt: MonotonicTime,
    fetchedAtSeconds: UnixSeconds, origin: KeyListing.Origin, seen: [String: UnixSeconds]
  ) {
    self.keySet = keySet
    self.text = text
    self.address = address
    self.entityTag = entityTag
    self.fetchedAt = fetchedAt
    self.fetchedAtSeconds = fetchedAtSeconds
    self.origin = origin
    thumbprints = keySet.keys.map { KeyListing.thumbprint($0) ?? "" }
    var firstSeen: [String: UnixSeconds] = [:]
    for thumbprint in thumbprints { firstSeen[thumbprint] = seen[thumbprint] ?? fetchedAtSeconds }
    self.firstSeen = firstSeen
  }

  /// Whether `other` has the same keys under the same names, and leaves out the same ones: some issuers write the same
  /// set in another order each time.
  func isEqual(to other: KeySet) -> Bool {
    guard keySet.keys.count == other.keys.count, keySet.problems.count == other.problems.count else { return false }
    return FetchedKeys.signs(of: keySet) == FetchedKeys.signs(of: other)
  }

  private static func signs(of set: KeySet) -> Set<[UInt8]> {
    let keys = set.keys.map { key in
      "\(KeyListing.thumbprint(key) ?? "") \(key.algorithm?.rawValue ?? "") \(key.keyID ?? " ")"
    }
    return Set((keys + set.problems.map(\.description)).map { Array($0.utf8) })
  }
}
