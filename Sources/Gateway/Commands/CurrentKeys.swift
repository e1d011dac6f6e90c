import Configuration
import Dispatch
import Keys
import Sockets
import Synchronization

/// The keys of providers as a gateway that started now would have them, for commands. Makes no key and writes no copy:
/// to look at keys is no reason for either.
struct CurrentKeys: Sendable {
  private(set) var snapshot = KeySnapshot(providers: [])
  private(set) var listings: [KeyListing] = []
  /// Why keys cannot be had, by provider.
  private(set) var faults: [String: String] = [:]
  /// Whether keys of this machine are there and cannot be used, with which no gateway would start.
  private(set) var hasUnusableFile = false
  /// What else an operator is told: keys and copies that are not used, and why.
  private(set) var remarks: [(provider: String, text: String)] = []

  /// Waits until the first fetch of each provider has ended, well or not.
  init(_ providers: [ProviderConfiguration]) throws {
    let result = Mutex(CurrentKeys())
    try CurrentKeys.onLoop { loop, done in
      let store: KeyStore
      do throws(KeyStoreError) {
        store = try KeyStore(
          sources: providers.map { KeySource($0) }, firstKey: .refused, copies: .onlyRead, loop: loop
        ) { event in
          result.withLock { $0.take(event) }
        }
      } catch {
        result.withLock { $0.take(error) }
        done()
        return
      }
      let take: (KeySnapshot) -> Void = { snapshot in
        guard snapshot.providers.allSatisfy(\.firstFetchEnded) else { return }
        result.withLock {
          $0.snapshot = snapshot
          $0.listings = store.listings
        }
        done()
      }
      store.start(publish: take)
      take(store.snapshot)
    }
    self = result.withLock { $0 }
  }

  private init() {}

  private mutating func take(_ error: KeyStoreError) {
    faults[error.provider] = "\(error.fault)"
    if case .noSigningKey = error.fault { return }
    hasUnusableFile = true
  }

  private mutating func take(_ event: KeyEvent) {
    switch event {
    case .fetchFailed(let failure): faults[failure.provider] = "\(failure.url): \(failure.fault)"
    case .keyUnused(let provider, let problem): remarks.append((provider, "not used: \(problem)"))
    case .moreKeysUnused(let provider, let count): remarks.append((provider, "not used: \(count) more keys"))
    case .copyUsed(let provider, let path, _, let age):
      remarks.append((provider, "keys of the copy \(path), \(age.forPeople) old"))
    case .copyRefused(let provider, let path, let fault):
      remarks.append((provider, "the copy \(path) is not used: \(fault)"))
    case .clocksDiffer(let provider, let ahead?):
      remarks.append((provider, "the clock is \(abs(ahead)) s \(ahead > 0 ? "behind" : "ahead of") the issuer's"))
    case .clocksDiffer(_, nil), .updated, .fetchedAgain, .expired, .copyNotWritten, .generated, .generatedAhead,
      .signsWithAnother, .deleted, .folderUnusable:
      break
    }
  }

  /// Runs `body` on a loop of its own until it calls what it is given.
  static func onLoop(
    _ body: @escaping @Sendable (EventLoop, @escaping @Sendable () -> Void) -> Void
  ) throws {
    let loop = try EventLoop(label: "command")
    let ended = DispatchSemaphore(value: 0)
    loop.start()
    loop.async { body(loop) { ended.signal() } }
    ended.wait()
    loop.stop()
  }
}
