internal import Fetch
internal import HTTP
public import Sockets
internal import Tokens

/// Why the keys of a provider cannot be used that are on this machine. The gateway does not start without them.
public struct KeyStoreError: Error, Sendable, CustomStringConvertible {
  /// The provider's name in the configuration.
  public let provider: String
  /// Why its keys cannot be used.
  public let fault: KeyFault

  /// In words, for a log: the provider's name, and the fault.
  public var description: String { "provider \"\(provider)\": \(fault)" }
}

/// The keys of all providers.
///
/// Bound to the control loop; only `refetch` may be called through a `LoopBound` from elsewhere. Each change makes a new
/// snapshot, which is published to the loops. Providers whose keys are fetched at the same place share the fetches and
/// the keys.
public final class KeyStore {
  /// What is in force.
  public private(set) var snapshot = KeySnapshot(providers: [])

  private let firstKey: FirstKey
  private let copies: Copies
  private let loop: EventLoop
  private let fetcher: Fetcher
  private let copyQueue = SerialQueue(name: "key copies")
  private let log: (KeyEvent) -> Void
  private let folderQueue = SerialQueue(name: "signing keys")
  private var publish: (KeySnapshot) -> Void = { _ in }
  private var issuerKeysChanged: () -> Void = {}
  private var keepers: [SigningKeyKeeper] = []
  private var entries: [KeyStoreEntry] = []
  private var lastGeneration: UInt64 = 0
  /// Of sources that are not in force yet.
  private var preparation: KeyPreparation?
  private var isStarted = false

  /// What becomes of a provider that signs and has no key yet: one is made, and replaced when its time has come; or the
  /// sources are refused, and keys that are there stay as they are.
  public enum FirstKey: Sendable { case made, refused }

  /// What becomes of copies on disk: who only looks at keys leaves no files of its own.
  public enum Copies: Sendable { case readAndWritten, onlyRead }

  /// Reads what is on this machine; fetches nothing yet.
  ///
  /// - Parameter log: Told of what operators want to know.
  /// - Throws: Where keys on this machine cannot be used.
  public init(
    sources: [KeySource], firstKey: FirstKey = .made, copies: Copies = .readAndWritten, loop: EventLoop,
    log: @escaping (KeyEvent) -> Void
  ) throws(KeyStoreError) {
    self.firstKey = firstKey
    self.copies = copies
    self.loop = loop
    self.log = log
    do throws(FetchError) {
      fetcher = try Fetcher(loop: loop)
    } catch {
      throw KeyStoreError(provider: sources.first?.provider ?? "", fault: .fetch(error))
    }
    try load(sources)
  }

  /// Begins to fetch, and to look after the gateway's own keys.
  ///
  /// - Parameters:
  ///   - issuerKeysChanged: Called before `publish` where the gateway's own keys are other ones, or another one signs: what
  ///     is signed with one can be looked up by then.
  ///   - publish: Given every new snapshot.
  public func start(issuerKeysChanged: @escaping () -> Void = {}, publish: @escaping (KeySnapshot) -> Void) {
    loop.assertIsCurrent()
    self.publish = publish
    self.issuerKeysChanged = issuerKeysChanged
    isStarted = true
    for remote in remotes { remote.start() }
    startKeepers()
  }

  /// Fetches from places that have brought nothing yet, for providers that have keys and are to have theirs from there:
  /// who takes the sources before these have come leaves such a provider without any, for as long as its new place does
  /// not answer (SECURITY K-4). Keys of the former place are not used with the new one: it may have been left for them.
  /// Nobody is waited for where the provider's copy on disk has keys of the new place: as after a start, these are used
  /// until others are fetched.
  ///
  /// - Parameter completion: Called once, on the loop, at once where nothing is fetched; with the first failure, or nil.
  ///   Then `reload`, or else `abandon`.
  public func prepare(sources: [KeySource], completion: @escaping (KeyStoreError?) -> Void) {
    loop.assertIsCurrent()
    abandon()
    let known = entries.filter { $0.keySet != nil }.compactMap(\.remote?.place)
    var providers: [KeyPlace: String] = [:]
    for source in sources {
      guard let place = KeyPlace(source), !known.contains(place), providers[place] == nil,
        entries.contains(where: { $0.isOfIssuer(of: source) && $0.keySet != nil }), !hasCopy(source, at: place)
      else { continue }
      providers[place] = source.provider
    }
    var fetched: [KeyPlace: RemoteKeys] = [:]
    for place in providers.keys { fetched[place] = makeRemote(place, sources.filter { KeyPlace($0) == place }) }
    preparation = KeyPreparation(providers: providers, remotes: fetched, completion: completion)
    for remote in fetched.values { remote.start() }
    if fetched.isEmpty { preparation?.takeCompletion()?(nil) }
  }

  /// Forgets what was prepared and is not in force.
  public func abandon() {
    loop.assertIsCurrent()
    let inForce = remotes
    for remote in (preparation?.remotes ?? [:]).values where !inForce.contains(where: { $0 === remote }) {
      remote.stop()
    }
    preparation = nil
  }

  /// Takes other sources. Those that were there before keep their keys; files are read again.
  ///
  /// - Throws: Where keys on this machine cannot be used; then nothing has changed.
  public func reload(sources: [KeySource]) throws(KeyStoreError) {
    loop.assertIsCurrent()
    let before = remotes
    let keySets = entries.map { ($0.source, $0.keySet) }
    try load(sources)
    let after = remotes
    for (index, entry) in entries.enumerated() {
      guard let remote = entry.remote, preparation?.remotes[remote.place] === remote else { continue }
      let former = keySets.first { $0.0.provider == entry.source.provider }?.1
      tell(entry.source.provider, remote, from: former, isOther: true, isBack: false, after: FailureSeries())
      tellClock(index, remote)
    }
    abandon()
    for remote in before where !after.contains(where: { $0 === remote }) { remote.stop() }
    if isStarted {
      for remote in after { remote.start() }
      startKeepers()
    }
  }

  /// A token names a key that the provider at `index` does not have. Ends in a new snapshot, always, so that who waits
  /// wakes up; fetches at most once in 30 seconds (SECURITY K-3).
  public func refetch(provider index: Int) {
    loop.assertIsCurrent()
    guard entries.indices.contains(index) else { return }
    if let remote = entries[index].remote, remote.refetch() { return }
    entries[index].answers += 1
    takeSnapshot()
    publish(snapshot)
  }

  /// The private keys of the provider of that name: first the one that signs, then the newest; empty where it does not
  /// sign.
  public func issuerKeys(provider: String) -> [SigningFolder.Entry] {
    entries.first { $0.source.provider == provider }?.issuerKeys ?? []
  }

  /// The providers whose keys are fetched, and which have none that can be used.
  public var withoutKeys: [String] { entries.filter { $0.remote != nil && $0.keySet == nil }.map(\.source.provider) }

  /// The keys of all providers for people to see, in the order of the sources.
  public var listings: [KeyListing] { entries.map(\.listing) }

  /// Those of the entries, each once.
  private var remotes: [RemoteKeys] {
    var found: [RemoteKeys] = []
    for case let remote? in entries.map(\.remote) where !found.contains(where: { $0 === remote }) {
      found.append(remote)
    }
    return found
  }

  // MARK: Loading

  private func load(_ sources: [KeySource]) throws(KeyStoreError) {
    // First what may fail: then nothing has changed.
    var local: [LocalKeys?] = []
    for source in sources {
      do throws(KeyFault) {
        local.append(try loadLocal(source))
      } catch {
        throw KeyStoreError(provider: source.provider, fault: error)
      }
    }
    let known = entries
    let shared = remotes(for: sources)
    entries = zip(sources, local).map { source, local in
      var entry = known.first { $0.isContinued(by: source) } ?? KeyStoreEntry(source, now: WallClock.nanoseconds)
      entry.source = source
      entry.remote = KeyPlace(source).flatMap { shared[$0] }
      if let local { take(local, into: &entry) }
      return entry
    }
    for index in entries.indices { openCopy(index) }
    for index in entries.indices { settle(index) }
    takeSnapshot()
  }

  /// The places of all sources, those that are there already with what they have.
  private func remotes(for sources: [KeySource]) -> [KeyPlace: RemoteKeys] {
    var shared: [KeyPlace: RemoteKeys] = [:]
    for remote in remotes { shared[remote.place] = remote }
    // Where both are there, the one in force has no keys.
    shared.merge(preparation?.remotes ?? [:]) { _, prepared in prepared }
    var wanted: [KeyPlace: [KeySource]] = [:]
    for source in sources { if let place = KeyPlace(source) { wanted[place, default: []].append(source) } }
    for (place, sources) in wanted {
      if let remote = shared[place] {
        remote.change(refreshEvery: KeyStore.refreshEvery(sources), staleFor: Set(sources.map(\.staleFor)))
      } else {
        shared[place] = makeRemote(place, sources)
      }
    }
    return shared
  }

  private func makeRemote(_ place: KeyPlace, _ sources: [KeySource]) -> RemoteKeys {
    RemoteKeys(
      place, refreshEvery: KeyStore.refreshEvery(sources), staleFor: Set(sources.map(\.staleFor)), loop: loop,
      fetcher: fetcher
    ) { [weak self] in self?.remoteChanged($0, $1) }
  }

  /// Who wants them fetched most often decides; how long to go on with old ones is each provider's own matter.
  private static func refreshEvery(_ sources: [KeySource]) -> Duration {
    sources.map(\.refreshEvery).min() ?? .seconds(600)
  }

  /// nil for keys that are fetched, or that nobody needs.
  private func loadLocal(_ source: KeySource) throws(KeyFault) -> LocalKeys? {
    switch source.location {
    case .none, .jwksURL, .discovery: return nil
    case .jwksFile(let path): return LocalKeys(try KeyFile.keySet(path))
    case .secretFile(let path): return LocalKeys(try KeyFile.secret(path))
    case .signingSecret(let file, let former, let algorithm):
      return LocalKeys(signing: try SigningSecret.load(file, former: former, algorithm))
    case .signing(let folder, let algorithm):
      let keys = try signingKeys(SigningFolder(path: folder, provider: source.provider, algorithm: algorithm))
      return LocalKeys(signing: keys)
    }
  }

  /// A key is made where there never was one. Keys in use that have gone are not replaced: tokens that are out would be
  /// refused, and a folder that is not mounted is no reason for that.
  private func signingKeys(_ folder: SigningFolder) throws(KeyFault) -> [SigningFolder.Entry] {
    let now = WallClock.seconds
    if firstKey == .refused { return folder.inSigningOrder(try folder.loadExisting(), now: now) }
    let inUse = issuerKeys(provider: folder.provider)
    if !inUse.isEmpty {
      let found = try folder.load()
      if found.isEmpty || (folder.signs(with: inUse) && !folder.signs(with: found)) {
        throw .signingKeysGone(folder.path)
      }
    }
    let (keys, generated) = try folder.loadOrGenerate(now: now)
    if let generated { log(.generated(provider: folder.provider, path: generated.file)) }
    return folder.inSigningOrder(keys, now: now)
  }

  /// Keys that are the same as before stay the same objects.
  private func take(_ local: LocalKeys, into entry: inout KeyStoreEntry) {
    entry.loadedAt = WallClock.seconds
    if let before = entry.local, before.text == local.keys.text { return }
    entry.setLocal(local)
    entry.localVersion += 1
    tellUnused(local.keys.keySet, of: entry.source.provider)
  }

  /// Opens the provider's copy on disk where it has another one than before, and uses it where nothing was fetched yet.
  private func openCopy(_ index: Int) {
    let source = entries[index].source
    guard let remote = entries[index].remote, let path = source.cacheFile else {
      entries[index].copy = nil
      return
    }
    if let copy = entries[index].copy, copy.path == path, copy.place == remote.place { return }
    let copy = KeyCopyFile(path, of: source, at: remote.place, loop: loop, queue: copyQueue, log: log)
    entries[index].copy = copy
    do throws(KeyCopyFault) {
      if let keys = try copy.read(staleFor: source.staleFor), remote.use(keys) {
        let age = MonotonicTime.current - keys.fetchedAt
        log(.copyUsed(provider: source.provider, path: path, keys: keys.keySet.keys.count, age: age))
        tellUnused(keys.keySet, of: source.provider)
      }
    } catch {
      log(.copyRefused(provider: source.provider, path: path, error))
    }
    if remote.failures.count == 0, remote.firstFetchEnded { writeCopy(index, remote) }
  }

  /// Whether the provider's copy has keys of a place that no provider in force has.
  private func hasCopy(_ source: KeySource, at place: KeyPlace) -> Bool {
    guard let path = source.cacheFile, !entries.contains(where: { $0.remote?.place == place }) else { return false }
    let copy = KeyCopyFile(path, of: source, at: place, loop: loop, queue: copyQueue, log: log)
    return (try? copy.read(staleFor: source.staleFor)) != nil
  }

  private func writeCopy(_ index: Int, _ remote: RemoteKeys) {
    guard copies == .readAndWritten, let keys = remote.keys else { return }
    entries[index].copy?.keep(keys, staleFor: entries[index].source.staleFor, nextFetchIn: remote.interval)
  }

  // MARK: The gateway's own keys

  private func startKeepers() {
    for keeper in keepers { keeper.stop() }
    keepers = []
    guard firstKey == .made else { return }
    for source in entries.map(\.source) {
      guard case .signing(let path, let algorithm) = source.location else { continue }
      let folder = SigningFolder(path: path, provider: source.provider, algorithm: algorithm)
      var faultSaid = ""
      let keeper = SigningKeyKeeper(folder, source.rotation, loop: loop, queue: folderQueue) { [weak self] result in
        guard let self else { return }
        do throws(KeyFault) {
          try took(try result.get(), of: folder)
          faultSaid = ""
        } catch {
          let text = error.description
          if text != faultSaid { log(.folderUnusable(provider: folder.provider, error)) }
          faultSaid = text
        }
      }
      keepers.append(keeper)
      keeper.start()
    }
  }

  private func took(_ look: SigningKeyKeeper.Look, of folder: SigningFolder) throws(KeyFault) {
    if let made = look.changes.generated {
      log(.generatedAhead(provider: folder.provider, path: made.file, signsFrom: made.createdAt))
    }
    for file in look.changes.deleted { log(.deleted(provider: folder.provider, path: file)) }
    guard let index = entries.firstIndex(where: { $0.source.provider == folder.provider }) else { return }
    let before = entries[index].issuerKeys
    guard folder.signs(with: look.entries) else { throw .signingKeysGone(folder.path) }
    let keys = folder.inSigningOrder(look.entries, now: WallClock.seconds)
    guard keys.map(\.key.keyID) != before.map(\.key.keyID) else { return }
    take(LocalKeys(signing: keys), into: &entries[index])
    settle(index)
    takeSnapshot()
    issuerKeysChanged()
    publish(snapshot)
    if let first = keys.first, first.key.keyID != before.first?.key.keyID {
      log(.signsWithAnother(provider: folder.provider, keyID: first.key.keyID))
    }
  }

  // MARK: Changes

  private func remoteChanged(_ remote: RemoteKeys, _ change: RemoteKeys.Change) {
    if preparation?.remotes[remote.place] === remote {
      let (completion, error) = preparation?.note(remote.place, change) ?? (nil, nil)
      completion?(error)
      return
    }
    for index in entries.indices where entries[index].remote === remote {
      let wasExpired = entries[index].isExpired
      let before = snapshot.providers[index].keySet
      settle(index)
      let provider = entries[index].source.provider
      switch change {
      case .fetched(let isOther, let failures):
        entries[index].answers += 1
        tell(provider, remote, from: before, isOther: isOther, isBack: wasExpired, after: failures)
        tellClock(index, remote)
        writeCopy(index, remote)
      case .failed(let fault, let url, let isSaid):
        entries[index].answers += 1
        if isSaid { log(.fetchFailed(failure(index, remote, fault, url))) }
      case .aged, .slow: break
      }
      if entries[index].isExpired, !wasExpired { log(.expired(provider: provider)) }
    }
    takeSnapshot()
    publish(snapshot)
  }

  private func tell(
    _ provider: String, _ remote: RemoteKeys, from before: KeySet?, isOther: Bool, isBack: Bool,
    after failures: FailureSeries
  ) {
    if let beganAt = failures.beganAt {
      log(.fetchedAgain(provider: provider, failures: failures.count, after: .current - beganAt))
    }
    guard let keySet = remote.keys?.keySet, isOther || isBack else { return }
    log(.updated(provider: provider, keys: keySet.keys.count, KeySetChange(from: before, to: keySet)))
    if isOther { tellUnused(keySet, of: provider) }
  }

  /// Half of what tokens are allowed by default (`leeway`): time to do something.
  private static let clockToleranceSeconds: Int64 = 15

  private func tellClock(_ index: Int, _ remote: RemoteKeys) {
    guard let ahead = remote.clockAhead else { return }
    let differ = abs(ahead) >= KeyStore.clockToleranceSeconds
    guard differ != entries[index].clocksDiffer else { return }
    entries[index].clocksDiffer = differ
    log(.clocksDiffer(provider: entries[index].source.provider, ahead: differ ? ahead : nil))
  }

  private func tellUnused(_ keySet: KeySet, of provider: String) {
    for problem in keySet.problems.named { log(.keyUnused(provider: provider, problem)) }
    let more = keySet.problems.unnamedCount
    if more > 0 { log(.moreKeysUnused(provider: provider, count: more)) }
  }

  private func failure(_ index: Int, _ remote: RemoteKeys, _ fault: KeyFault, _ url: String) -> KeyFetchFailure {
    var keysInUse: KeyFetchFailure.KeysInUse?
    if let keys = remote.keys, !entries[index].isExpired {
      let age = MonotonicTime.current - keys.fetchedAt
      keysInUse = KeyFetchFailure.KeysInUse(age: age, remaining: entries[index].source.staleFor - age)
    }
    return KeyFetchFailure(
      provider: entries[index].source.provider, fault: fault, url: ShownURL(url), failures: remote.failures.count,
      keysInUse: keysInUse)
  }

  /// Sees whether the provider's keys are over, and gives it another generation where its keys are other ones.
  private func settle(_ index: Int) {
    let staleFor = entries[index].source.staleFor
    entries[index].isExpired = entries[index].remote?.areOver(staleFor: staleFor) ?? false
    let served = entries[index].servedVersion
    guard entries[index].settledVersion != served else { return }
    entries[index].settledVersion = served
    lastGeneration += 1
    entries[index].generation = lastGeneration
  }

  private func takeSnapshot() {
    snapshot = KeySnapshot(
      providers: entries.map { entry in
        ProviderKeys(
          keySet: entry.keySet, generation: entry.generation, refetchAllowedAt: entry.refetchAllowedAt,
          firstFetchEnded: entry.remote?.firstFetchEnded ?? true, answers: entry.answers,
          signer: entry.issuerKeys.first?.key)
      })
  }
}
