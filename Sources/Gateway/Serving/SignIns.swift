import Admin
import Configuration
import Dispatch
import HTTP
import Keys
import Logging
import Proxy
import SignIn
import Sockets
import State
import Tokens

/// The sign-ins of all providers: what answers for them, and which have ended. Bound to the control loop.
final class SignIns {
  /// By the provider's name.
  private var services: [String: SignInService] = [:]
  private(set) var states: [String: Opened] = [:]
  /// Of providers that sign and where nobody signs in any more: what has ended there counts while tokens are good.
  private var formerStores: [String: OpenedStore] = [:]
  let ended: EndedSignIns
  /// How long tokens may be good that this process has made, by the provider's name.
  private(set) var tokenSecondsMax: [String: Int64] = [:]
  /// Opened for a configuration that is not in force yet.
  private var newStores: [SQLiteSignInStore] = []
  private let passwords = PasswordWork(width: Process.processorCount / 2)
  private let usersQueue = SerialQueue(name: "users files")
  private let loop: EventLoop
  private let log: Logger
  private var isLooking = false
  private var allowsDemo = true

  /// What a configuration needs.
  struct AllOpened {
    fileprivate var states: [String: Opened] = [:]
    fileprivate var formerStores: [String: OpenedStore] = [:]
  }

  /// A provider's state, and its store.
  struct Opened {
    fileprivate var store: OpenedStore
    let state: SignInState
  }

  fileprivate struct OpenedStore {
    let path: String
    let store: SQLiteSignInStore
    /// Where nobody signs in any more; else those of the state count.
    let faults = StoreFaults()
    /// What had ended in the store when it was opened; empty once that is learnt.
    var ended: [EndedSignIn] = []

    func isAt(_ path: String) -> Bool { path == self.path || store.isAt(path) }
  }

  init(_ ended: EndedSignIns, loop: EventLoop, log: Logger) {
    self.ended = ended
    self.loop = loop
    self.log = log
  }

  /// Opens the stores that `configuration` asks for and that are not open yet. Blocks.
  func open(_ configuration: GatewayConfiguration) throws(StoreFault) -> AllOpened {
    var opened = AllOpened()
    for provider in configuration.providers {
      guard let path = provider.signInsFile else { continue }
      let name = provider.name
      if let signIn = provider.signIn {
        if let known = states[name], known.store.isAt(path) {
          opened.states[name] = known
        } else {
          let store = try openStore(of: name, path)
          let state = SignInState(store: store.store, users: signIn.users, keys: [])
          opened.states[name] = Opened(store: store, state: state)
        }
      } else if try SignIns.isThere(path) {
        opened.formerStores[name] = try openStore(of: name, path)
      }
    }
    return opened
  }

  private func openStore(of provider: String, _ path: String) throws(StoreFault) -> OpenedStore {
    let known = states[provider]?.store ?? formerStores[provider]
    if let known, known.isAt(path) { return known }
    let store = try SQLiteSignInStore(path: path)
    newStores.append(store)
    return OpenedStore(path: path, store: store, ended: try EndedSignIns.earlier(in: store, of: provider))
  }

  /// Deletes the databases that `open` has made since, for a configuration that comes to nothing. Blocks.
  func abandon() {
    for store in newStores { store.discard() }
    newStores = []
  }

  /// Whether there is a database: where nobody signs in none is made.
  static func isThere(_ path: String) throws(StoreFault) -> Bool {
    do throws(SystemError) {
      _ = try FileStatus(path: path)
      return true
    } catch {
      if error.isNotThere { return false }
      throw StoreFault("\(error)")
    }
  }

  /// Takes other keys of the providers.
  func take(keys: KeyStore, of configuration: GatewayConfiguration) {
    for provider in configuration.providers {
      guard let algorithm = provider.signingAlgorithm else { continue }
      states[provider.name]?.state.keys = SignIns.keys(of: provider.name, algorithm, keys)
    }
  }

  /// Takes another configuration, with what `open` has opened for it.
  ///
  /// - Returns: What the gateway answers itself from now on.
  func take(_ configuration: GatewayConfiguration, _ opened: AllOpened, keys: KeyStore) -> [LocalRoute] {
    let (before, formerBefore) = (states, formerStores)
    (states, formerStores) = (opened.states, opened.formerStores)
    newStores = []
    for (name, each) in states {
      ended.learn(each.store.ended)
      states[name]?.store.ended = []
    }
    for (name, each) in formerStores {
      ended.learn(each.ended)
      formerStores[name]?.ended = []
      if formerBefore[name]?.store !== each.store { watch(name, each) }
    }
    services = [:]
    allowsDemo = configuration.listeners.allSatisfy(\.address.isLocal)
    var routes: [LocalRoute] = []
    for provider in configuration.providers {
      guard let signIn = provider.signIn, let state = states[provider.name]?.state,
        let algorithm = provider.signingAlgorithm,
        let service = makeService(signIn, provider, state)
      else { continue }
      state.take(signIn.users)
      state.keys = SignIns.keys(of: provider.name, algorithm, keys)
      services[provider.name] = service
      if before[provider.name]?.state !== state { watch(provider.name, state) }
      for path in provider.pagePaths { routes.append(LocalRoute(path, responder: service)) }
      let metadata = PublishedDocument(
        IssuerMetadata.document(
          issuer: provider.policy.issuer, base: provider.issuerBase, path: signIn.path,
          keysPath: ProviderConfiguration.publishedKeysPath, algorithm: algorithm), .json)
      for path in provider.metadataPaths { routes.append(LocalRoute(path, responder: metadata)) }
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
    // Tokens may be out that were made when they were good for longer.
    let longest = max(tokenSecondsMax[name] ?? 0, signIn.lifetimeSeconds + provider.policy.leewaySeconds)
    tokenSecondsMax[name] = longest
    return SignInService(
      signIn, provider.policy, state: state, passwords: passwords,
      clock: { WallClock.seconds },
      end: { [relay = ended.relay] ids, done in
        let until = WallClock.seconds + longest + EndedSignIn.clockSlackSeconds
        relay.add(ids.map { EndedSignIn(id: $0, provider: name, until: until) }, told: done)
      },
      report: { [log] in $0.write(to: log, provider: name) })
  }

  // MARK: What has ended

  /// Tells what is refused to those who verify tokens themselves.
  func tell(_ revocations: [Revocations]) {
    for opened in states.values { opened.state.revocations = revocations }
  }

  /// Begins to watch; what has ended has begun before.
  ///
  /// - Parameter comingBack: Does something with this, on the control loop; from anywhere.
  func start(comingBack: @escaping @Sendable (@escaping @Sendable (SignIns) -> Void) -> Void) {
    for (name, opened) in states { watch(name, opened.state) }
    for (name, opened) in formerStores { watch(name, opened) }
    tick(comingBack)
  }

  private func watch(_ provider: String, _ state: SignInState) {
    watch(provider, state.store, state.storeFaults)
  }

  private func watch(_ provider: String, _ former: OpenedStore) { watch(provider, former.store, former.faults) }

  private func watch(_ provider: String, _ store: some EndingStore, _ faults: StoreFaults) {
    ended.relay.watch(
      store, of: provider, noted: { [log] in $0.write(to: log, provider: provider) },
      failed: { [log] fault in
        guard let count = faults.count(fault) else { return }
        SignInEvent.storeFailed(fault.description, count: count).write(to: log, provider: provider)
      })
  }

  // MARK: Users

  /// What went wrong with the stores of sign-ins within the last minute, in the order of their providers.
  var storeFaults: [AdminReport.StoreFault] {
    let all = states.mapValues(\.state.storeFaults).merging(formerStores.mapValues(\.faults)) { inUse, _ in inUse }
    return all.sorted { $0.key < $1.key }.compactMap { provider, faults in
      faults.recent().map { .init(.signIns, of: provider, why: $0) }
    }
  }

  /// How the users files were found last, in the order of their providers.
  var usersFiles: [AdminReport.WatchedFile] {
    states.keys.sorted().map { .init(.users(provider: $0), fault: states[$0]?.state.usersFault) }
  }

  private func tick(_ comingBack: @escaping @Sendable (@escaping @Sendable (SignIns) -> Void) -> Void) {
    loop.schedule(after: .seconds(1)) { [unowned self] in tick(comingBack) }
    for service in services.values { service.reportLeftOut() }
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
    service.renew(request.token, client: request.client) { renewal in
      switch renewal {
      case .renewed(let renewed):
        completion(
          Renewal(
            token: renewed.accessToken, provider: provider, cookieName: renewed.accessCookie,
            cookies: renewed.cookies))
      case .refused: completion(.none)
      case .unavailable: completion(.unavailable)
      }
    }
  }
}

extension ProviderConfiguration {
  /// Its issuer's scheme and authority.
  fileprivate var issuerBase: String {
    let parts = policy.issuer.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
    return parts.prefix(3).joined(separator: "/")
  }

}
