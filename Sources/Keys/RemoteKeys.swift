internal import Fetch
internal import Sockets
internal import Tokens

/// The keys of one provider that are fetched: when, and what becomes of failures.
///
/// Bound to the control loop. Keys are fetched every `refreshEvery`, a little earlier or later each time so that many
/// gateways do not come at once; after a failure sooner. A failure keeps the keys there are for `staleFor`
/// (SECURITY.md K-5).
final class RemoteKeys {
  let source: KeySource
  private(set) var keySet: KeySet?
  private(set) var firstFetchEnded = false
  private(set) var refetchAllowedAt: MonotonicTime

  private let loop: EventLoop
  private let fetcher: Fetcher
  /// Told when anything changed, and at the end of every fetch.
  private let changed: (RemoteKeys, Change) -> Void
  private var text: [UInt8] = []
  private var entityTag: String?
  private var fetchedAt: MonotonicTime?
  private var failures = 0
  private var isFetching = false
  private var isStopped = false
  private var timer: LoopTimer?

  enum Change {
    case keys
    /// The same keys as before.
    case none
    case failed(KeyFault, url: String)
    case expired
  }

  /// SECURITY.md K-3.
  private static let refetchPause: Duration = .seconds(30)
  /// The longest pause after a failure.
  private static let retryMax: Duration = .seconds(30)

  /// - Parameter other: Whose keys are used until the first fetch ends.
  init(
    _ source: KeySource, keysOf other: RemoteKeys?, loop: EventLoop, fetcher: Fetcher,
    changed: @escaping (RemoteKeys, Change) -> Void
  ) {
    self.source = source
    keySet = other?.keySet
    text = other?.text ?? []
    fetchedAt = other?.fetchedAt
    firstFetchEnded = other?.firstFetchEnded ?? false
    self.loop = loop
    self.fetcher = fetcher
    self.changed = changed
    refetchAllowedAt = .current
  }

  func start() { fetch() }

  /// After this nothing is told any more.
  func stop() {
    isStopped = true
    timer?.cancel()
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

  private func fetch() {
    guard !isFetching, !isStopped else { return }
    isFetching = true
    timer?.cancel()
    refetchAllowedAt = .current + RemoteKeys.refetchPause
    switch source.location {
    case .jwksURL(let address): fetchKeySet(address)
    case .discovery: fetchDiscovery()
    case .jwksFile, .secretFile, .signing: break
    }
  }

  private func fetchDiscovery() {
    let address = DiscoveryDocument.address(of: source.issuer)
    get(address, ifNoneMatch: nil) { [weak self] result in
      guard let self, !isStopped else { return }
      do throws(KeyFault) {
        let response = try result.get()
        guard response.status == 200 else { throw .status(response.status) }
        fetchKeySet(try DiscoveryDocument(response.body.span, issuer: source.issuer).keySetAddress)
      } catch {
        end(.failed(error, url: address))
      }
    }
  }

  private func fetchKeySet(_ address: String) {
    get(address, ifNoneMatch: keySet == nil ? nil : entityTag) { [weak self] result in
      guard let self, !isStopped else { return }
      do throws(KeyFault) {
        end(try accept(try result.get()))
      } catch {
        end(.failed(error, url: address))
      }
    }
  }

  private func get(
    _ address: String, ifNoneMatch: String?, _ completion: @escaping (Result<FetchResponse, KeyFault>) -> Void
  ) {
    let request = FetchRequest(
      url: address, certificateAuthorityFile: source.certificateAuthorityFile,
      accept: "application/jwk-set+json, application/json", ifNoneMatch: ifNoneMatch)
    fetcher.fetch(request) { result in completion(result.mapError { .fetch($0) }) }
  }

  private func accept(_ response: FetchResponse) throws(KeyFault) -> Change {
    // Only where a tag was sent: an unasked 304 would keep keys alive that nobody has seen again (RFC 9110 §15.4.5).
    if response.status == 304, keySet != nil, entityTag != nil { return .none }
    guard response.status == 200 else { throw .status(response.status) }
    entityTag = response.entityTag
    // The same text keeps the same keys, and with them every token that was verified.
    if keySet != nil, response.body == text { return .none }
    do throws(KeySetError) {
      keySet = try KeySet.parse(jwks: response.body.span)
    } catch {
      throw .keySet(error)
    }
    text = response.body
    return .keys
  }

  private func end(_ change: Change) {
    isFetching = false
    firstFetchEnded = true
    var pause = source.refreshEvery * Double.random(in: 0.9...1.0)
    if case .failed = change {
      failures += 1
      entityTag = nil
      pause = min(pause, retryPause)
    } else {
      failures = 0
      fetchedAt = .current
    }
    changed(self, change)
    timer = loop.schedule(after: pauseWithinLife(pause)) { [weak self] in
      self?.expireIfStale()
      self?.fetch()
    }
  }

  /// 1 s, 2 s, 4 s … with jitter.
  private var retryPause: Duration {
    min(.seconds(1 << min(failures - 1, 5)), RemoteKeys.retryMax) * Double.random(in: 0.75...1.0)
  }

  /// Keys that cannot be refreshed die in time, not at the next try. Those that were fetched well live until they are
  /// fetched again, however short `staleFor` is.
  private func pauseWithinLife(_ pause: Duration) -> Duration {
    guard failures > 0, keySet != nil, let fetchedAt else { return pause }
    return min(pause, max(fetchedAt + source.staleFor - .current, .zero))
  }

  private func expireIfStale() {
    guard failures > 0, keySet != nil, let fetchedAt, fetchedAt + source.staleFor <= .current else { return }
    keySet = nil
    text = []
    changed(self, .expired)
  }
}
