import Configuration
import Dispatch
import HTTP
import Keys
import Logging
import Proxy
import SignIn
import Sockets
import State
import Synchronization
import Tokens

/// The sign-ins of all providers: what answers for them, and which have ended. Bound to the control loop.
final class SignIns {
  /// By the provider's name.
  private var services: [String: SignInService] = [:]
  private var states: [String: Opened] = [:]
  private var ended = EndedSignIns()
  /// How long tokens may be good that this process has made, by the provider's name.
  private var tokenSecondsMax: [String: Int64] = [:]
  private let relay = EndRelay()
  private let passwords = PasswordWork(width: Process.processorCount / 2)
  private let usersQueue = SerialQueue(name: "users files")
  private let loop: EventLoop
  private let log: Logger
  private var isLooking = false
  private var allowsDemo = true
  private var changed: () -> Void = {}

  /// A provider's state, and where its store is.
  struct Opened {
    let path: String
    let state: SignInState
  }

  init(loop: EventLoop, log: Logger) {
    self.loop = loop
    self.log = log
  }

  /// Opens the stores that `configuration` asks for and that are not open yet. Blocks.
  func open(_ configuration: GatewayConfiguration) throws(StoreFault) -> [String: Opened] {
    var opened: [String: Opened] = [:]
    for provider in configuration.providers {
      guard let signIn = provider.signIn, let path = provider.signInsFile else { continue }
      if let known = states[provider.name], known.path == path {
        opened[provider.name] = known
      } else {
        let store = try SQLiteSignInStore(path: path)
        try loadEnded(store, of: provider.name)
        let state = SignInState(store: store, users: signIn.users, keys: [])
        opened[provider.name] = Opened(path: path, state: state)
      }
    }
    return opened
  }

  /// What had ended before is refused from the first request on. Blocks.
  private func loadEnded(_ store: SQLiteSignInStore, of provider: String) throws(StoreFault) {
    let now = WallClock.nanoseconds / 1_000_000_000
    let answer = try StoreAnswer<[EndedSignIn]>.wait { store.ended(now: now, completion: $0) }
    _ = ended.add(answer.filter { $0.provider == provider }, now: now)
  }

  /// Takes other keys of the providers.
  func take(keys: KeyStore, of configuration: GatewayConfiguration) {
    for provider in configuration.providers {
      guard case .signing(_, let algorithm) = provider.keys else { continue }
      states[provider.name]?.state.keys = SignIns.keys(of: provider.name, algorithm, keys)
    }
  }

  /// Takes another configuration, with what `open` has opened for it.
  ///
  /// - Returns: What the gateway answers itself from now on.
  func take(_ configuration: GatewayConfiguration, _ opened: [String: Opened], keys: KeyStore) -> [LocalRoute] {
    let before = states
    states = opened
    services = [:]
    allowsDemo = configuration.listeners.allSatisfy(\.address.isLocal)
    var routes: [LocalRoute] = []
    for provider in configuration.providers {
      guard let signIn = provider.signIn, let state = opened[provider.name]?.state,
        case .signing(_, let algorithm) = provider.keys,
        let service = makeService(signIn, provider, state)
      else { continue }
      state.users = signIn.users
      state.keys = SignIns.keys(of: provider.name, algorithm, keys)
      services[provider.name] = service
      if before[provider.name]?.state !== state { watch(provider.name, state) }
      tokenSecondsMax[provider.name] = max(tokenSecondsMax[provider.name] ?? 0, service.tokenSecondsMax)
      for host in signIn.hosts {
        routes.append(LocalRoute(host: host, path: signIn.path, reach: .below, responder: service))
      }
      let metadata = IssuerMetadata(
        issuer: provider.policy.issuer, base: provider.issuerBase, path: signIn.path,
        keysPath: ProviderConfiguration.publishedKeysPath, algorithm: algorithm)
      for path in provider.metadataPaths {
        routes.append(LocalRoute(host: provider.issuerHost, path: path, responder: metadata))
      }
    }
    return routes
  }

  /// The signing one first.
  private static func keys(of provider: String, _ algorithm: SignatureAlgorithm, _ store: KeyStore) -> [IssuerKey] {
    let all = store.issuerKeys(provider: provider).map(\.key)
    guard let first = all.firstIndex(where: { $0.algorithm == algorithm }) else { return [] }
    return [all[first]] + all.indices.filter { $0 != first }.map { all[$0] }
  }

  private func makeService(
    _ signIn: SignInConfiguration, _ provider: ProviderConfiguration, _ state: SignInState
  ) -> SignInService? {
    let name = provider.name
    return SignInService(
      signIn, provider.policy, state: state, passwords: passwords,
      clock: { WallClock.nanoseconds / 1_000_000_000 },
      end: { [relay] ids, done in relay.end(name, ids, done) },
      report: { [log] in $0.write(to: log, provider: name) })
  }

  // MARK: What has ended

  /// Sign-ins that have ended while tokens of them may be good.
  var revocations: Revocations { ended.revocations }

  /// Tells what is refused to those who verify tokens themselves.
  func tell(_ revocations: [Revocations]) {
    for opened in states.values { opened.state.revocations = revocations }
  }

  /// Begins to watch.
  ///
  /// - Parameters:
  ///   - comingBack: Does something with this, on the control loop; from anywhere.
  ///   - changed: Called when other sign-ins have ended: it has all loops told.
  func start(
    comingBack: @escaping @Sendable (@escaping @Sendable (SignIns) -> Void) -> Void, changed: @escaping () -> Void
  ) {
    self.changed = changed
    relay.set(comingBack)
    for (name, opened) in states { watch(name, opened.state) }
    tick(comingBack)
  }

  fileprivate func end(_ provider: String, _ ids: [String], _ done: @escaping @Sendable () -> Void) {
    let now = WallClock.nanoseconds / 1_000_000_000
    // Tokens may be out that were made when they were good for longer.
    let until = now + (tokenSecondsMax[provider] ?? 86_400)
    learn(ids.map { EndedSignIn(id: $0, provider: provider, until: until) })
    done()
  }

  fileprivate func learn(_ new: [EndedSignIn]) {
    if ended.add(new, now: WallClock.nanoseconds / 1_000_000_000) { changed() }
  }

  /// Learns of what other processes have ended, and of what had ended before this one began.
  private func watch(_ provider: String, _ state: SignInState) {
    guard relay.isSet else { return }
    let look: @Sendable () -> Void = { [relay, log, weak store = state.store] in
      store?.ended(now: WallClock.nanoseconds / 1_000_000_000) { result in
        switch result {
        case .success(let ended): relay.learn(ended.filter { $0.provider == provider })
        case .failure(let fault): SignInEvent.storeFailed(fault.description).write(to: log, provider: provider)
        }
      }
    }
    look()
    state.store.watch(every: .milliseconds(500), changed: look)
  }

  // MARK: Users

  private func tick(_ comingBack: @escaping @Sendable (@escaping @Sendable (SignIns) -> Void) -> Void) {
    loop.schedule(after: .seconds(1)) { [unowned self] in tick(comingBack) }
    guard !isLooking, !services.isEmpty else { return }
    isLooking = true
    usersQueue.async { [services = Array(services.values), allowsDemo] in
      for service in services { service.lookAtUsers(allowsDemo: allowsDemo) }
      comingBack { $0.isLooking = false }
    }
  }

  // MARK: Renewal

  func renew(_ request: RenewalRequest, _ completion: @escaping @Sendable (Renewal) -> Void) {
    let provider = request.provider
    guard let service = services[provider] else { return completion(.none) }
    service.renew(request.token) { renewed in
      completion(
        renewed.map { Renewal(token: $0.accessToken, provider: provider, cookies: $0.cookies) } ?? .none)
    }
  }
}

/// Waits for what a store calls back.
private final class StoreAnswer<Value: Sendable>: Sendable {
  private let result = Mutex<Result<Value, StoreFault>?>(nil)
  private let isThere = DispatchSemaphore(value: 0)

  static func wait(
    _ body: (@escaping @Sendable (Result<Value, StoreFault>) -> Void) -> Void
  ) throws(StoreFault) -> Value {
    let answer = StoreAnswer()
    body { result in
      answer.result.withLock { $0 = result }
      answer.isThere.signal()
    }
    answer.isThere.wait()
    guard let result = answer.result.withLock({ $0 }) else { throw StoreFault("no answer") }
    return try result.get()
  }
}

/// Takes what services end to the control loop; before there is one, nobody could have ended anything.
private final class EndRelay: Sendable {
  typealias Return = @Sendable (@escaping @Sendable (SignIns) -> Void) -> Void
  private let comingBack = Mutex<Return?>(nil)

  var isSet: Bool { comingBack.withLock { $0 != nil } }

  func set(_ comingBack: @escaping Return) { self.comingBack.withLock { $0 = comingBack } }

  func end(_ provider: String, _ ids: [String], _ done: @escaping @Sendable () -> Void) {
    guard let comingBack = comingBack.withLock({ $0 }) else { return done() }
    comingBack { $0.end(provider, ids, done) }
  }

  func learn(_ ended: [EndedSignIn]) { comingBack.withLock { $0 }?({ $0.learn(ended) }) }
}

/// Ids of sign-ins whose tokens are refused, each until its last token is over.
struct EndedSignIns {
  private struct Key: Hashable {
    let provider: String
    let id: String
  }

  private var untilByID: [Key: UnixSeconds] = [:]
  private(set) var revocations = Revocations()

  /// - Returns: Whether something is new.
  mutating func add(_ ended: [EndedSignIn], now: UnixSeconds) -> Bool {
    let new = ended.filter { !$0.id.isEmpty && untilByID[Key(provider: $0.provider, id: $0.id)] == nil }
    guard !new.isEmpty else { return false }
    for each in new {
      untilByID[Key(provider: each.provider, id: each.id)] = each.until
      revocations.insert(.signInID, each.id.utf8Span.span, provider: each.provider)
    }
    // Forgetting costs all of them, and so is done when many are over.
    addedSinceSweep += new.count
    if addedSinceSweep > max(1024, untilByID.count / 2) { sweep(now) }
    return true
  }

  private var addedSinceSweep = 0

  private mutating func sweep(_ now: UnixSeconds) {
    addedSinceSweep = 0
    untilByID = untilByID.filter { $0.value > now }
    revocations = Revocations()
    for key in untilByID.keys { revocations.insert(.signInID, key.id.utf8Span.span, provider: key.provider) }
  }
}

extension ProviderConfiguration {
  /// Its issuer's scheme and authority.
  fileprivate var issuerBase: String {
    let parts = policy.issuer.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
    return parts.prefix(3).joined(separator: "/")
  }

}

extension SignInEvent {
  fileprivate func write(to log: Logger, provider: String) {
    func line(_ fields: Logger.Metadata) -> Logger.Metadata {
      fields.merging(["provider": "\(provider)"]) { first, _ in first }
    }
    switch self {
    case .signedIn(let username, let id, let address):
      log.notice("signed in", metadata: line(["user": "\(username)", "sign_in": "\(id)", "client": "\(address)"]))
    case .failures(let count, let last, let address):
      var fields: Logger.Metadata = ["failures": "\(count)", "last_from": "\(address)"]
      // What was typed for a name may be a password.
      if let last { fields["last_of"] = "\(last)" }
      log.warning("signing in failed", metadata: line(fields))
    case .throttled(let username, let address):
      var fields: Logger.Metadata = ["client": "\(address)"]
      if let username { fields["user"] = "\(username)" }
      log.warning("too many failures to sign in: tries are refused for a while", metadata: line(fields))
    case .refreshReused(let subject, let id, let address):
      log.warning(
        "a refresh token was used again after it had been replaced: its sign-in has ended",
        metadata: line(["subject": "\(subject)", "sign_in": "\(id)", "client": "\(address)"]))
    case .signedOut(let subject, let count):
      log.notice("signed out", metadata: line(["subject": "\(subject)", "sign_ins": "\(count)"]))
    case .disabledEnded(let subject, let id):
      log.notice(
        "a sign-in has ended: its user is disabled, or gone",
        metadata: line(["subject": "\(subject)", "sign_in": "\(id)"]))
    case .passwordChanged(let username):
      log.notice("a user has changed their password", metadata: line(["user": "\(username)"]))
    case .passwordNotChanged(let username, let why):
      log.error(
        "a password could not be changed; the users file has to be writable for it",
        metadata: line(["user": "\(username)", "why": "\(why)"]))
    case .usersChanged(let path, let users, let clients):
      log.notice(
        "users file read", metadata: line(["file": "\(path)", "users": "\(users)", "clients": "\(clients)"]))
    case .usersUnusable(let why):
      log.error("the users file cannot be used; the users read before stay in force", metadata: line(["why": "\(why)"]))
    case .storeFailed(let why):
      log.error("sign-ins could not be read or written", metadata: line(["why": "\(why)"]))
    case .cookieTooLarge(let username, let bytes):
      log.error(
        "a token is too large for a cookie, so its user cannot sign in with a browser",
        metadata: line(["user": "\(username)", "bytes": "\(bytes)"]))
    }
  }
}
