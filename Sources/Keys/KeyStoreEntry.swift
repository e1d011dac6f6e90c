internal import Sockets
internal import Tokens

/// Keys of this machine, as they were read.
struct LocalKeys {
  let keys: LoadedKeys
  let issuerKeys: [SigningFolder.Entry]

  init(_ keys: LoadedKeys, issuerKeys: [SigningFolder.Entry] = []) {
    self.keys = keys
    self.issuerKeys = issuerKeys
  }

  /// The gateway's own: other ones, or another order, are other keys.
  init(signing keys: [SigningFolder.Entry]) {
    let names = keys.map(\.key.keyID).joined(separator: " ")
    self.init(LoadedKeys(keySet: KeySet(keys.map(\.key)), text: Array(names.utf8)), issuerKeys: keys)
  }
}

/// A provider of the key store, and what came of its source.
struct KeyStoreEntry {
  var source: KeySource
  /// Of keys that are fetched; shared with others of the same place.
  var remote: RemoteKeys?
  var copy: KeyCopyFile?
  /// Whether the fetched keys are older than this provider uses them.
  var isExpired = false
  /// Whether the issuer's clock differs so that it was told.
  var clocksDiffer = false
  /// Of a source on this machine.
  private(set) var local: LoadedKeys?
  private(set) var issuerKeys: [SigningFolder.Entry] = []
  var localVersion: UInt64 = 0
  /// When they were read last.
  var loadedAt: UnixSeconds
  /// By thumbprint, of keys of this machine.
  private var firstSeen: [String: UnixSeconds] = [:]
  var generation: UInt64 = 0
  var settledVersion: Version?
  var answers: UInt64 = 0

  /// What is served: equal ones are equal keys.
  struct Version: Equatable {
    /// Held, so that it is no other one at the same address.
    let remote: RemoteKeys?
    let number: UInt64
    let isExpired: Bool

    static func == (left: Version, right: Version) -> Bool {
      left.remote === right.remote && left.number == right.number && left.isExpired == right.isExpired
    }
  }

  init(_ source: KeySource, now nanoseconds: Int64) {
    self.source = source
    loadedAt = nanoseconds / 1_000_000_000
  }

  /// Whether `next` means the same keys, however often they are fetched, so that what is known of them stays.
  func isContinued(by next: KeySource) -> Bool {
    isOfIssuer(of: next) && source.location == next.location
      && source.certificateAuthorityFile == next.certificateAuthorityFile
  }

  /// Whether it is the same provider, and its tokens have the same issuer, wherever the keys come from.
  func isOfIssuer(of next: KeySource) -> Bool {
    source.provider == next.provider && source.issuer.isSameBytes(as: next.issuer)
  }

  mutating func setLocal(_ loaded: LocalKeys) {
    local = loaded.keys
    issuerKeys = loaded.issuerKeys
    var seen: [String: UnixSeconds] = [:]
    for key in loaded.keys.keySet.keys {
      guard let thumbprint = KeyListing.thumbprint(key) else { continue }
      seen[thumbprint] =
        issuerKeys.first { $0.key.keyID == thumbprint }?.createdAt ?? firstSeen[thumbprint] ?? loadedAt
    }
    firstSeen = seen
  }

  /// nil: none that can be used.
  var keySet: KeySet? {
    guard let remote else { return local?.keySet }
    return isExpired ? nil : remote.keys?.keySet
  }

  var servedVersion: Version {
    Version(remote: remote, number: remote?.version ?? localVersion, isExpired: isExpired)
  }

  /// From when on an unknown key is worth a fetch.
  var refetchAllowedAt: MonotonicTime {
    guard let remote else { return MonotonicTime(nanoseconds: .max) }
    // Who names an unknown key waits for the fetch that is under way, unless it takes long.
    let isWaitedFor = remote.isFetching && !remote.isSlow
    return isWaitedFor ? min(remote.refetchAllowedAt, .current) : remote.refetchAllowedAt
  }

  var listing: KeyListing {
    let seen = remote?.keys?.firstSeen ?? firstSeen
    let fetchedAt = remote.map { $0.keys?.fetchedAtSeconds } ?? loadedAt
    return KeyListing(
      provider: source.provider, issuer: source.issuer, origin: keySet == nil ? nil : origin,
      keys: (keySet?.keys ?? []).map { key in
        let thumbprint = KeyListing.thumbprint(key)
        let firstSeenAt = thumbprint.flatMap { seen[$0] } ?? fetchedAt ?? loadedAt
        return KeyListing.Key(
          key: key, thumbprint: thumbprint, firstSeenAt: firstSeenAt,
          file: issuerKeys.first { $0.key.keyID == key.keyID }?.file)
      },
      // Also of keys that are over: since when they could not be fetched is what people ask then.
      fetchedAt: remote == nil && keySet == nil ? nil : fetchedAt, failures: remote?.failures.count ?? 0,
      fetchedEvery: remote?.interval)
  }

  private var origin: KeyListing.Origin? {
    switch source.location {
    case .none: nil
    case .jwksURL, .discovery: remote?.keys?.origin
    case .jwksFile(let path), .secretFile(let path), .signingSecret(let path, _, _): .file(path)
    case .signing(let folder, _): .ownFolder(folder)
    }
  }
}
