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

  /// Whether `other` has the same keys under the same names, and leaves out the same ones, in whatever order: some
  /// issuers write the same set in another order each time.
  func isEqual(to other: KeySet) -> Bool { FetchedKeys.signs(of: keySet) == FetchedKeys.signs(of: other) }

  /// How often each key, and each that is left out, is in a set. Where it stands is none of its signs.
  private static func signs(of set: KeySet) -> [Sign: Int] {
    var signs: [Sign: Int] = [:]
    for key in set.keys {
      signs[Sign(key.keyID, "\(KeyListing.thumbprint(key) ?? "") \(key.algorithm?.rawValue ?? "")"), default: 0] += 1
    }
    for problem in set.problems { signs[Sign(problem.keyID, problem.cause.description), default: 0] += 1 }
    return signs
  }

  /// Compared byte for byte: Unicode has more than one spelling of a text.
  private struct Sign: Hashable {
    let keyID: [UInt8]?
    let rest: [UInt8]

    init(_ keyID: String?, _ rest: String) {
      self.keyID = keyID.map { Array($0.utf8) }
      self.rest = Array(rest.utf8)
    }
  }
}
