import Sockets
import Synchronization
import Testing

@testable import Keys

/// A key store on a loop of its own, and all that it told.
final class RunningStore: Sendable {
  struct TimedOut: Error {}

  /// What is told, from the loop's thread.
  final class Record: Sendable {
    private let events = Mutex<[KeyEvent]>([])
    private let snapshots = Mutex<[KeySnapshot]>([])

    func add(_ event: KeyEvent) { events.withLock { $0.append(event) } }
    func add(_ snapshot: KeySnapshot) { snapshots.withLock { $0.append(snapshot) } }
    var keyEvents: [KeyEvent] { events.withLock { $0 } }
    var allEvents: [String] { keyEvents.map(RunningStore.text) }
    var allSnapshots: [KeySnapshot] { snapshots.withLock { $0 } }
  }

  let record = Record()
  private let store: LoopBound<KeyStore>

  /// Loops and stores live as long as the tests: what libdispatch still has to run may name them.
  private static let loops = Mutex<[EventLoop]>([])
  private static let stores = Mutex<[LoopBound<KeyStore>]>([])

  static func loop() throws -> EventLoop {
    let loop = try EventLoop(label: "keys")
    loops.withLock { $0.append(loop) }
    loop.start()
    return loop
  }

  init(_ sources: [KeySource], copies: KeyStore.Copies = .readAndWritten) throws {
    let loop = try RunningStore.loop()
    let record = record
    let store = try KeyStore(sources: sources, copies: copies, loop: loop) { record.add($0) }
    let bound = LoopBound(store, loop: loop)
    RunningStore.stores.withLock { $0.append(bound) }
    self.store = bound
  }

  func start() {
    let record = record
    store.async { $0.start { record.add($0) } }
  }

  func stop() { store.loop.stop() }

  /// Runs `body` with the store, on its loop.
  func with<Value: Sendable>(_ body: @escaping @Sendable (KeyStore) -> Value) async -> Value {
    await withCheckedContinuation { done in store.async { done.resume(returning: body($0)) } }
  }

  /// Back when so long has passed on the store's loop: what it had to do in that time, it has done.
  func loopRuns(for duration: Duration) async {
    let loop = store.loop
    await withCheckedContinuation { done in store.async { _ in loop.schedule(after: duration) { done.resume() } } }
  }

  func snapshot() async -> KeySnapshot { await with { $0.snapshot } }

  /// The first provider's keys as people see them.
  func listing(_ index: Int = 0) async -> KeyListing { await with { $0.listings[index] } }

  /// Loads other sources, which must be sound.
  func reload(_ sources: [KeySource]) async {
    await with { store in #expect(throws: Never.self) { try store.reload(sources: sources) } }
  }

  /// What came of preparing for other sources; nil: nothing is missing.
  func prepare(_ sources: [KeySource]) async -> String? {
    await withCheckedContinuation { done in
      store.async { $0.prepare(sources: sources) { done.resume(returning: $0?.description) } }
    }
  }

  /// The first provider's keys, as soon as they are as wanted; throws where they never are.
  @discardableResult
  func keys(
    _ what: Comment, within limit: Duration = .seconds(20), where isWanted: @Sendable (ProviderKeys) -> Bool
  ) async throws -> ProviderKeys {
    try await RunningStore.until(what, within: limit) {
      let keys = await self.snapshot().providers[0]
      return isWanted(keys) ? keys : nil
    }
  }

  @discardableResult
  static func until<Value>(
    _ what: Comment, within limit: Duration = .seconds(20), _ value: () async -> Value?
  ) async throws -> Value {
    let end = ContinuousClock.now + limit
    while ContinuousClock.now < end {
      if let value = await value() { return value }
      try await Task.sleep(for: .milliseconds(2))
    }
    Issue.record(what)
    throw TimedOut()
  }

  private static func text(_ event: KeyEvent) -> String {
    switch event {
    case .updated(let provider, let keys, _): "\(provider): \(keys) keys"
    case .keyUnused(let provider, let problem): "\(provider): \(problem)"
    case .moreKeysUnused(let provider, let count): "\(provider): \(count) more unused"
    case .fetchFailed(let failure):
      "\(failure.provider): \(failure.url): \(failure.fault); served: \(failure.keysInUse != nil)"
    case .fetchedAgain(let provider, _, _): "\(provider): fetched again"
    case .copyUsed(let provider, _, let keys, _): "\(provider): \(keys) keys of a copy"
    case .copyRefused(let provider, _, let fault): "\(provider): copy refused: \(fault)"
    case .copyNotWritten(let provider, _, let error): "\(provider): copy not written: \(error)"
    case .clocksDiffer(let provider, let ahead?):
      "\(provider): clock \(ahead > 0 ? "behind" : "ahead") \(abs(ahead) / 60) min"
    case .clocksDiffer(let provider, nil): "\(provider): clocks agree"
    case .expired(let provider): "\(provider): expired"
    case .generated(let provider, _): "\(provider): generated"
    case .generatedAhead(let provider, _, _): "\(provider): generated ahead"
    case .signsWithAnother(let provider, let keyID): "\(provider): signs with \(keyID)"
    case .deleted(let provider, _): "\(provider): deleted"
    case .folderUnusable(let provider, let fault): "\(provider): unusable: \(fault)"
    }
  }
}
