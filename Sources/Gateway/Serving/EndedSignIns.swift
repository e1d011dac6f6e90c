import Dispatch
import Sockets
import State
import Synchronization
import Tokens

/// Sign-ins and tokens of all providers that have ended while tokens may be good. Bound to the control loop.
final class EndedSignIns {
  /// What the loops refuse.
  private(set) var revocations = Revocations()
  /// Until when each has to be known.
  private var untilByID: [Key: UnixSeconds] = [:]
  private var addedSinceSweep = 0
  /// The issuers that providers have had since this began, by the provider's name.
  private var issuers: [String: Set<String>] = [:]
  /// Providers that refuse what has ended at another one, by the name of that.
  private var heirs: [String: [String]] = [:]
  /// What the loops have not been told yet.
  private var news: [RevokedName] = []
  /// How often the loops were told, and how much of that they know.
  private var lastTelling = 0
  private var lastKnown = 0
  /// Who waits until they know what was told last then.
  private var unanswered: [(telling: Int, told: @Sendable () -> Void)] = []
  private var changed: (_ known: @escaping () -> Void) -> Void = { $0() }
  private let clock: () -> UnixSeconds
  /// The way here for those who end sign-ins.
  let relay = EndedSignInsRelay()

  private struct Key: Hashable {
    let provider: String
    let kind: Revocations.Kind
    let id: String
  }

  init(clock: @escaping () -> UnixSeconds) { self.clock = clock }

  /// Begins to take what comes by the relay.
  ///
  /// - Parameter changed: Called when more has ended: it has all loops told, and calls back when they refuse it.
  func start(comingBack: @escaping EndedSignInsRelay.Return, changed: @escaping (@escaping () -> Void) -> Void) {
    self.changed = changed
    relay.set(comingBack)
  }

  fileprivate func takeWhatWaits() {
    let waiting = relay.take()
    let isNew = learn(waiting.ended)
    if isNew { lastTelling += 1 }
    let telling = lastTelling
    // Also where nothing of it is new: the loops may be about to learn of it.
    unanswered += waiting.told.map { (telling, $0) }
    if isNew { changed { [unowned self] in areKnown(upTo: telling) } } else { areKnown(upTo: lastKnown) }
  }

  /// All loops refuse what they were told up to that telling: they take them in their order.
  private func areKnown(upTo telling: Int) {
    lastKnown = max(lastKnown, telling)
    let answered = unanswered.filter { $0.telling <= lastKnown }
    unanswered.removeAll { $0.telling <= lastKnown }
    for each in answered { each.told() }
  }

  /// Takes the issuers of another configuration, by the provider's name. What has ended is refused by every provider that
  /// accepts the same issuer's tokens, whatever it is called and was called: no two tokens of an issuer have the same id
  /// (RFC 7519 §4.1.7).
  func take(issuers current: [String: String]) {
    for (name, issuer) in current { issuers[name, default: []].insert(issuer) }
    var heirs: [String: [String]] = [:]
    for (name, known) in issuers {
      let others = current.filter { $0.key != name && known.contains($0.value) }.keys.sorted()
      if !others.isEmpty { heirs[name] = others }
    }
    guard heirs != self.heirs else { return }
    self.heirs = heirs
    makeRevocations()
  }

  /// Takes what has ended.
  ///
  /// - Returns: Whether something of it is new.
  @discardableResult
  func learn(_ ended: [EndedSignIn]) -> Bool {
    var isNew = false
    for each in ended where (1...Revocations.valueBytesMax).contains(each.id.utf8.count) {
      guard let kind = each.kind.revoked else { continue }
      let key = Key(provider: each.provider, kind: kind, id: each.id)
      let known = untilByID[key]
      untilByID[key] = max(known ?? .min, each.until)
      guard known == nil else { continue }
      refuse(key)
      news.append(RevokedName(key.kind, key.id))
      addedSinceSweep += 1
      isNew = true
    }
    // Forgetting costs all of them, and so is done when many may be over.
    if addedSinceSweep > max(1024, untilByID.count / 2) { sweep() }
    return isNew
  }

  /// What is new among `revocations` since this was last called.
  func takeNews() -> [RevokedName] {
    defer { news = [] }
    return news
  }

  /// What had ended before in a store that was just opened: to be learnt when the loops are about to be told, so that it
  /// is refused from the first request on. Learnt of a store that is not used after all, it would not be new when its own
  /// store tells it. Blocks.
  static func earlier(in store: some EndingStore, of provider: String) throws(StoreFault) -> [EndedSignIn] {
    let ended = try StoreCompletion<[EndedSignIn]>.wait { store.newlyEnded(completion: $0) }
    return ended.filter { $0.provider == provider }
  }

  private func sweep() {
    addedSinceSweep = 0
    let now = clock()
    untilByID = untilByID.filter { $0.value > now }
    makeRevocations()
  }

  private func makeRevocations() {
    revocations = Revocations()
    for key in untilByID.keys { refuse(key) }
  }

  private func refuse(_ key: Key) {
    revocations.insert(key.kind, key.id.utf8Span.span, provider: key.provider)
    for heir in heirs[key.provider] ?? [] { revocations.insert(key.kind, key.id.utf8Span.span, provider: heir) }
  }
}

extension EndedSignIn.Kind {
  /// nil: nothing is.
  fileprivate var revoked: Revocations.Kind? {
    switch self {
    case .signIn: .signInID
    case .token: .tokenID
    case .note: nil
    }
  }
}

/// Takes what has ended to the control loop, from anywhere; before there is one, nobody could have ended anything.
///
/// What comes before that loop has its turn is told together: each telling costs a copy of all that the loops know.
final class EndedSignInsRelay: Sendable {
  /// Does something with what has ended, on the control loop; from anywhere.
  typealias Return = @Sendable (@escaping @Sendable (EndedSignIns) -> Void) -> Void

  /// What waits for the control loop.
  struct Waiting {
    var ended: [EndedSignIn] = []
    /// Called when the loops have been told.
    var told: [@Sendable () -> Void] = []
  }

  /// The closure is in a structure, as a mutex that holds it alone would wrap it once more at each look.
  private struct Way {
    let comingBack: Return
  }

  private let way = Mutex<Way?>(nil)
  private let waiting = Mutex<Waiting?>(nil)

  private var isSet: Bool { way.withLock { $0 != nil } }

  /// Learns of what other processes end in `store`, since it was loaded. Nothing before `EndedSignIns.start`.
  ///
  /// - Parameters:
  ///   - noted: Called with what a command has noted there.
  ///   - failed: Called with what goes wrong in the store where nobody waits for it.
  func watch<Store: EndingStore>(
    _ store: Store, of provider: String, noted: @escaping @Sendable (EndingNote) -> Void,
    failed: @escaping @Sendable (StoreFault) -> Void
  ) {
    guard isSet else { return }
    let retry = Retry()
    look(store, provider, retry, noted, failed)
    store.watch(
      every: .milliseconds(500),
      changed: { [weak store] in
        if let store { self.look(store, provider, retry, noted, failed) }
      }, failed: failed)
  }

  /// Whether a store is going to be read again.
  private final class Retry: Sendable {
    let isPending = Mutex(false)
  }

  /// What could not be read is read again: nobody says a second time that it is there.
  private func look<Store: EndingStore>(
    _ store: Store, _ provider: String, _ retry: Retry, _ noted: @escaping @Sendable (EndingNote) -> Void,
    _ failed: @escaping @Sendable (StoreFault) -> Void
  ) {
    store.newlyEnded { [self, weak store] result in
      switch result {
      case .success(let ended):
        let own = ended.filter { $0.provider == provider }
        for note in own.compactMap(\.note) { noted(note) }
        add(own)
      case .failure(let fault):
        let isFirst = retry.isPending.withLock { isPending in
          defer { isPending = true }
          return !isPending
        }
        guard isFirst else { return }
        failed(fault)
        DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(1)) { [self, weak store] in
          retry.isPending.withLock { $0 = false }
          if let store { look(store, provider, retry, noted, failed) }
        }
      }
    }
  }

  fileprivate func set(_ comingBack: @escaping Return) { way.withLock { $0 = Way(comingBack: comingBack) } }

  /// - Parameter told: Called once, from anywhere, when all loops refuse it.
  func add(_ ended: [EndedSignIn], told: @escaping @Sendable () -> Void = {}) {
    guard let way = way.withLock({ $0 }) else { return told() }
    let isFirst = waiting.withLock { waiting in
      let isFirst = waiting == nil
      waiting = waiting ?? Waiting()
      waiting?.ended += ended
      waiting?.told.append(told)
      return isFirst
    }
    if isFirst { way.comingBack { $0.takeWhatWaits() } }
  }

  fileprivate func take() -> Waiting {
    waiting.withLock { waiting in
      defer { waiting = nil }
      return waiting ?? Waiting()
    }
  }
}
