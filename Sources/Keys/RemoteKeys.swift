internal import Fetch
internal import HTTP
internal import Sockets
internal import Tokens

/// The keys of one place, for all providers that have theirs from there: when they are fetched, and what becomes of
/// failures.
///
/// Bound to the control loop. Keys are fetched as `RefreshSchedule` says. A failure keeps the keys there are; how long
/// a provider goes on with them is its own matter (SECURITY K-5).
///
/// **Unknown keys.** A token that names a key which is not in the set is worth one fetch in 30 seconds (SECURITY K-3),
/// counted from when a fetch was begun, of whatever cause, and whether it went well. Names that were asked for in vain
/// are not remembered on top of that, and cannot be: "the set that was asked for at L lacks K" is known already from L
/// being less than 30 s ago, and later it says nothing any more, as the issuer may have published K at L + 1. A memory
/// that outlived the 30 s would refuse K though its issuer waited longer than that before it signed with it; one that
/// did not would never be asked. So a key that was published 35 s before it signs is always found, however many
/// strangers name keys that nobody has: either the last fetch began after it was published and brought it, or it began
/// more than 30 s ago and the first token makes another. A stale name that comes for ever costs two fetches a minute,
/// which an entity tag makes small.
final class RemoteKeys {
  let place: KeyPlace
  private(set) var keys: FetchedKeys?
  /// Another one for other keys.
  private(set) var version: UInt64 = 0
  private(set) var failures = FailureSeries()
  private(set) var firstFetchEnded = false
  /// By how many seconds the issuer's clock was ahead of this one at the last good fetch; nil: it does not say.
  private(set) var clockAhead: Int64?
  private(set) var refetchAllowedAt: MonotonicTime

  private let loop: EventLoop
  private let fetcher: Fetcher
  /// Told when anything changed, and at the end of every fetch.
  private let changed: (RemoteKeys, Change) -> Void
  private var refreshEvery: Duration
  /// Of its providers.
  private var staleFor: Set<Duration>
  private var freshness = Freshness.unsaid
  private(set) var isFetching = false
  /// Whether the fetch that goes on takes long.
  private(set) var isSlow = false
  private var isStarted = false
  private var isStopped = false
  private var timer: LoopTimer?
  private var ageTimer: LoopTimer?
  private var slowTimer: LoopTimer?

  enum Change {
    /// A fetch went well after those failures; it brought other keys, or the same ones.
    case fetched(isOther: Bool, after: FailureSeries)
    /// A fetch failed; whether that is worth a line.
    case failed(KeyFault, url: String, isSaid: Bool)
    /// The keys have become older than one provider uses them.
    case aged
    /// A fetch goes on for longer than who names an unknown key is let wait from now on.
    case slow
  }

  /// From then on a token that names an unknown key does not wait for the fetch that is under way: the connections of
  /// strangers would pile up behind an issuer that answers late. Shorter fetches are waited for by all, so that keys
  /// which sign at once are found.
  private static let slowFetch: Duration = .seconds(1)
  /// SECURITY K-3.
  private static let refetchPause: Duration = .seconds(30)

  init(
    _ place: KeyPlace, refreshEvery: Duration, staleFor: Set<Duration>, loop: EventLoop, fetcher: Fetcher,
    changed: @escaping (RemoteKeys, Change) -> Void
  ) {
    self.place = place
    self.refreshEvery = refreshEvery
    self.staleFor = staleFor
    self.loop = loop
    self.fetcher = fetcher
    self.changed = changed
    refetchAllowedAt = .current
  }

  /// Begins to fetch; nothing where that was done.
  func start() {
    guard !isStarted else { return }
    isStarted = true
    fetch()
  }

  /// After this nothing is told any more.
  func stop() {
    isStopped = true
    timer?.cancel()
    ageTimer?.cancel()
    slowTimer?.cancel()
  }

  /// Takes what its providers want now. Another `refreshEvery` begins with a fetch.
  func change(refreshEvery: Duration, staleFor: Set<Duration>) {
    self.staleFor = staleFor
    if failures.count > 0 || !firstFetchEnded { scheduleAging() }
    guard self.refreshEvery != refreshEvery else { return }
    self.refreshEvery = refreshEvery
    if isStarted { fetch() }
  }

  /// Uses keys of a copy until others are fetched, where there are none that are younger.
  func use(_ copy: FetchedKeys) -> Bool {
    guard !firstFetchEnded, keys.map({ $0.fetchedAt < copy.fetchedAt }) ?? true else { return false }
    keys = copy
    version += 1
    scheduleAging()
    return true
  }

  /// Fetches because a token names an unknown key: once in 30 seconds, and not beside another fetch.
  ///
  /// - Returns: False where nothing is fetched, so that nothing is told later.
  func refetch() -> Bool {
    if isFetching { return true }
    guard refetchAllowedAt <= .current else { return false }
    fetch()
    return true
  }

  /// Whether the keys are older than they may be used, with this `staleFor`. Those that were fetched well live until
  /// they are fetched again, however short it is.
  func areOver(staleFor: Duration) -> Bool {
    guard failures.count > 0 || !firstFetchEnded, let keys else { return false }
    return keys.fetchedAt + staleFor <= .current
  }

  /// The longest time until the next fetch, while all goes well.
  var interval: Duration { RefreshSchedule.interval(every: refreshEvery, freshness: freshness) }

  // MARK: A fetch

  private func fetch() {
    guard !isFetching, !isStopped else { return }
    isFetching = true
    isSlow = false
    timer?.cancel()
    // Without keys nobody is refused for an unknown one.
    slowTimer = loop.schedule(after: RemoteKeys.slowFetch) { [weak self] in
      guard let self, isFetching, keys != nil else { return }
      isSlow = true
      changed(self, .slow)
    }
    refetchAllowedAt = .current + RemoteKeys.refetchPause
    switch place.kind {
    case .jwksURL: fetchKeySet(place.location)
    // Each time: an issuer that moves its keys is followed, and one whose keys are gone is asked where they are.
    case .discovery: fetchDiscovery()
    }
  }

  private func fetchDiscovery() {
    let address = place.address
    get(address, ifNoneMatch: nil) { [weak self] result in
      guard let self, !isStopped else { return }
      do throws(KeyFault) {
        let response = try result.get()
        guard response.status == 200 else { throw .status(response.status) }
        fetchKeySet(try DiscoveryDocument(response.body.span, issuer: place.location).keySetAddress)
      } catch {
        failed(error, url: address)
      }
    }
  }

  private func fetchKeySet(_ address: String) {
    // After a failure the whole set is asked for; a tag is one of its address.
    let isKnown = failures.count == 0 && keys.map { $0.address.isSameBytes(as: address) } ?? false
    let tag = isKnown ? keys?.entityTag : nil
    get(address, ifNoneMatch: tag) { [weak self] result in
      guard let self, !isStopped else { return }
      do throws(KeyFault) {
        let response = try result.get()
        let isOther = try accept(response, from: address, sentTag: tag)
        clockAhead = response.serverTime.map { $0 - WallClock.seconds }
        if response.status == 200 || response.freshness != .unsaid { freshness = response.freshness }
        fetched(isOther: isOther)
      } catch {
        failed(error, url: address)
      }
    }
  }

  private func get(
    _ address: String, ifNoneMatch: String?, _ completion: @escaping (Result<FetchResponse, KeyFault>) -> Void
  ) {
    let request = FetchRequest(
      url: address, certificateAuthorityFile: place.certificateAuthorityFile,
      accept: "application/jwk-set+json, application/json", ifNoneMatch: ifNoneMatch)
    fetcher.fetch(request) { result in completion(result.mapError { .fetch($0) }) }
  }

  /// - Returns: Whether the response has other keys than there are.
  private func accept(_ response: FetchResponse, from address: String, sentTag: String?) throws(KeyFault) -> Bool {
    // Only where a tag was sent: an unasked 304 would keep keys alive that nobody has seen again (RFC 9110 §15.4.5).
    if response.status == 304, sentTag != nil, keys != nil {
      seenAgain(at: address, entityTag: response.entityTag ?? sentTag)
      return false
    }
    guard response.status == 200 else { throw .status(response.status) }
    // Equal keys stay the same objects, and with them every token that was verified.
    if let keys, keys.text == response.body {
      seenAgain(at: address, entityTag: response.entityTag)
      return false
    }
    let keySet: KeySet
    do throws(KeySetError) {
      keySet = try KeySet.parse(jwks: response.body.span)
    } catch {
      throw .keySet(error)
    }
    if let keys, keys.isEqual(to: keySet) {
      // Verified tokens stay so; those without `kid` are tried with the keys in their new order (SECURITY T-8).
      self.keys = fetchedKeys(keySet, response, address)
      return false
    }
    keys = fetchedKeys(keySet, response, address)
    version += 1
    return true
  }

  private func fetchedKeys(_ keySet: KeySet, _ response: FetchResponse, _ address: String) -> FetchedKeys {
    FetchedKeys(
      keySet, text: response.body, address: address, entityTag: response.entityTag, fetchedAt: .current,
      fetchedAtSeconds: WallClock.seconds, origin: .network(ShownURL(address)),
      seen: keys?.firstSeen ?? [:])
  }

  private func seenAgain(at address: String, entityTag: String?) {
    keys?.address = address
    keys?.entityTag = entityTag
    keys?.fetchedAt = .current
    keys?.fetchedAtSeconds = WallClock.seconds
    keys?.origin = .network(ShownURL(address))
  }

  // MARK: Its end

  private func fetched(isOther: Bool) {
    isFetching = false
    slowTimer?.cancel()
    firstFetchEnded = true
    ageTimer?.cancel()
    let before = failures
    failures = FailureSeries()
    changed(self, .fetched(isOther: isOther, after: before))
    fetchAgain(after: RefreshSchedule.jittered(interval))
  }

  private func failed(_ fault: KeyFault, url: String) {
    isFetching = false
    slowTimer?.cancel()
    firstFetchEnded = true
    let isSaid = failures.add(fault, at: .current)
    changed(self, .failed(fault, url: url, isSaid: isSaid))
    scheduleAging()
    fetchAgain(
      after: min(RefreshSchedule.jittered(interval), RefreshSchedule.retry(failures: failures.count)))
  }

  private func fetchAgain(after pause: Duration) {
    guard !isStopped else { return }
    timer = loop.schedule(after: pause) { [weak self] in self?.fetch() }
  }

  /// Keys that cannot be refreshed die in time, not at the next try.
  private func scheduleAging() {
    ageTimer?.cancel()
    guard let keys, !isStopped else { return }
    let ends = staleFor.map { keys.fetchedAt + $0 }.filter { $0 > .current }
    guard let end = ends.min() else { return }
    ageTimer = loop.schedule(after: max(end - .current, .zero)) { [weak self] in
      guard let self, failures.count > 0 || !firstFetchEnded else { return }
      changed(self, .aged)
      scheduleAging()
    }
  }
}
