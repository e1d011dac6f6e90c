internal import Fetch
public import Sockets
internal import Tokens

/// Why the keys of a source on this machine cannot be had, which is no reason to start without them.
public struct KeyStoreError: Error, Sendable, CustomStringConvertible {
  public let provider: String
  public let fault: KeyFault

  public var description: String { "provider \"\(provider)\": \(fault)" }
}

/// The keys of all providers.
///
/// Bound to the control loop; only `refetch` may be called through a `LoopBound` from elsewhere. Each change makes a new
/// snapshot, which is published to the loops.
public final class KeyStore {
  /// What is in force.
  public private(set) var snapshot = KeySnapshot(providers: [])

  private let firstKey: FirstKey
  private let loop: EventLoop
  private let fetcher: Fetcher
  private let log: (KeyEvent) -> Void
  private var publish: (KeySnapshot) -> Void = { _ in }
  private var entries: [Entry]
  private var lastGeneration: UInt64 = 0

  /// A source and what came of it.
  private struct Entry {
    let source: KeySource
    var remote: RemoteKeys?
    /// Of a source on this machine.
    var local: LoadedKeys?
    var issuerKeys: [SigningFolder.Entry] = []
    var generation: UInt64
    var answers: UInt64 = 0
  }

  /// What becomes of a provider that signs and has no key yet.
  public enum FirstKey: Sendable { case made, refused }

  /// Reads what is on this machine; fetches nothing yet.
  ///
  /// - Parameter log: Told of what operators want to know.
  /// - Throws: Where keys on this machine cannot be used.
  public init(
    sources: [KeySource], firstKey: FirstKey = .made, loop: EventLoop, log: @escaping (KeyEvent) -> Void
  ) throws(KeyStoreError) {
    self.firstKey = firstKey
    self.loop = loop
    self.log = log
    entries = []
    do throws(FetchError) {
      fetcher = try Fetcher(loop: loop)
    } catch {
      throw KeyStoreError(provider: sources.first?.provider ?? "", fault: .fetch(error))
    }
    try load(sources)
  }

  /// Begins to fetch.
  ///
  /// - Parameter publish: Given every new snapshot.
  public func start(publish: @escaping (KeySnapshot) -> Void) {
    loop.assertIsCurrent()
    self.publish = publish
    for entry in entries { entry.remote?.start() }
  }

  /// Takes other sources. Those that were there before keep their keys; files are read again.
  ///
  /// - Throws: Where keys on this machine cannot be used; then nothing has changed.
  public func reload(sources: [KeySource]) throws(KeyStoreError) {
    loop.assertIsCurrent()
    let before = entries
    try load(sources)
    for entry in before {
      if let remote = entry.remote, !entries.contains(where: { $0.remote === remote }) { remote.stop() }
    }
    for entry in entries {
      if let remote = entry.remote, !before.contains(where: { $0.remote === remote }) { remote.start() }
    }
  }

  /// A token names a key that the provider at `index` does not have. Ends in a new snapshot, always, so that who waits
  /// wakes up; fetches at most once in 30 seconds (SECURITY.md K-3).
  public func refetch(provider index: Int) {
    loop.assertIsCurrent()
    guard entries.indices.contains(index) else { return }
    if let remote = entries[index].remote, remote.refetch() { return }
    entries[index].answers += 1
    takeSnapshot()
    publish(snapshot)
  }

  /// The private keys of the provider of that name, the newest first; empty where it does not sign.
  public func issuerKeys(provider: String) -> [SigningFolder.Entry] {
    entries.first { $0.source.provider == provider }?.issuerKeys ?? []
  }

  private func load(_ sources: [KeySource]) throws(KeyStoreError) {
    var loaded: [Entry] = []
    for source in sources {
      let known = entries.first { $0.source == source }
      do throws(KeyFault) {
        loaded.append(try load(source, known))
      } catch {
        throw KeyStoreError(provider: source.provider, fault: error)
      }
    }
    entries = loaded
    takeSnapshot()
  }

  private func load(_ source: KeySource, _ known: Entry?) throws(KeyFault) -> Entry {
    switch source.location {
    case .jwksURL, .discovery:
      if let known { return known }
      // A change of `refresh` is no reason to be without keys until others arrive (SECURITY.md K-5).
      let before = entries.first { $0.source.isSamePlace(as: source) }
      let remote = RemoteKeys(source, keysOf: before?.remote, loop: loop, fetcher: fetcher) { [weak self] in
        self?.remoteChanged($0, $1)
      }
      return Entry(source: source, remote: remote, generation: before?.generation ?? nextGeneration())
    case .jwksFile(let path):
      return entry(source, try KeyFile.keySet(path), known)
    case .secretFile(let path):
      return entry(source, try KeyFile.secret(path), known)
    case .signing(let folder, let algorithm):
      let folder = SigningFolder(path: folder, provider: source.provider, algorithm: algorithm)
      let keys = try signingKeys(folder)
      let names = keys.map(\.key.keyID).joined(separator: " ")
      var made = entry(source, LoadedKeys(keySet: KeySet(keys.map(\.key)), text: Array(names.utf8)), known)
      made.issuerKeys = keys
      return made
    }
  }

  /// A key is made where there never was one. Keys in use that have gone are not replaced: tokens that are out would be
  /// refused, and a folder that is not mounted is no reason for that.
  private func signingKeys(_ folder: SigningFolder) throws(KeyFault) -> [SigningFolder.Entry] {
    if firstKey == .refused { return try folder.loadExisting() }
    let inUse = issuerKeys(provider: folder.provider)
    if !inUse.isEmpty {
      let found = try folder.load()
      if found.isEmpty || (folder.signs(with: inUse) && !folder.signs(with: found)) {
        throw .signingKeysGone(folder.path)
      }
    }
    let (keys, generated) = try folder.loadOrGenerate(now: WallClock.nanoseconds / 1_000_000_000)
    if let generated { log(.generated(provider: folder.provider, path: generated.file)) }
    return keys
  }

  private func entry(_ source: KeySource, _ keys: LoadedKeys, _ known: Entry?) -> Entry {
    if let known, known.local?.text == keys.text { return known }
    for problem in keys.keySet.problems { log(.keyUnused(provider: source.provider, problem)) }
    return Entry(source: source, local: keys, generation: nextGeneration())
  }

  private func nextGeneration() -> UInt64 {
    lastGeneration += 1
    return lastGeneration
  }

  private func remoteChanged(_ remote: RemoteKeys, _ change: RemoteKeys.Change) {
    guard let index = entries.firstIndex(where: { $0.remote === remote }) else { return }
    let provider = remote.source.provider
    if case .expired = change {} else { entries[index].answers += 1 }
    switch change {
    case .none: break
    case .keys:
      entries[index].generation = nextGeneration()
      log(.updated(provider: provider, keys: remote.keySet?.keys.count ?? 0))
      for problem in remote.keySet?.problems ?? [] { log(.keyUnused(provider: provider, problem)) }
    case .failed(let fault, let url):
      log(.fetchFailed(provider: provider, fault, url: url, isServed: remote.keySet != nil))
    case .expired:
      entries[index].generation = nextGeneration()
      log(.expired(provider: provider))
    }
    takeSnapshot()
    publish(snapshot)
  }

  private func takeSnapshot() {
    snapshot = KeySnapshot(
      providers: entries.map { entry in
        ProviderKeys(
          keySet: entry.remote.map { $0.keySet } ?? entry.local?.keySet, generation: entry.generation,
          refetchAllowedAt: entry.remote?.refetchAllowedAt ?? MonotonicTime(nanoseconds: .max),
          firstFetchEnded: entry.remote?.firstFetchEnded ?? true, answers: entry.answers)
      })
  }
}
