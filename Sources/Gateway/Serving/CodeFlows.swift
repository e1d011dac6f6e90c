import Admin
import Configuration
import Fetch
import HTTP
import Keys
import Logging
import OAuth
import Proxy
import SignIn
import Sockets
import State
import Tokens

/// Why browsers cannot sign in at a provider as it is configured.
struct CodeFlowsFault: Error, CustomStringConvertible {
  let provider: String
  let why: String

  var description: String { "provider \"\(provider)\": code_flow: \(why)" }
}

/// The code flows of all providers: what answers for them. Bound to the control loop.
final class CodeFlows {
  /// By the provider's name.
  private(set) var stores: [String: Opened] = [:]
  /// Opened for a configuration that is not in force yet.
  private var newStores: [SQLiteSessionStore] = []
  private let lookup = KeyLookup()
  let ended: EndedSignIns
  let census = CodeFlowCensus()
  private let loop: EventLoop
  private let log: Logger

  /// A provider's sessions, and what answers for them.
  struct Opened {
    let path: String
    let store: SQLiteSessionStore
    let memory: CodeFlowMemory
    let service: CodeFlowService
    let keys: KnownKeys
    /// What had ended in the store when it was opened; empty once that is learnt.
    var ended: [EndedSignIn] = []

    func isAt(_ path: String) -> Bool { path == self.path || store.isAt(path) }
  }

  init(_ ended: EndedSignIns, loop: EventLoop, log: Logger) {
    self.ended = ended
    self.loop = loop
    self.log = log
  }

  /// Opens the stores, and reads the secrets, that `configuration` asks for. Blocks.
  func open(_ configuration: GatewayConfiguration) throws(CodeFlowsFault) -> [String: Opened] {
    var opened: [String: Opened] = [:]
    for provider in configuration.providers {
      guard let flow = provider.codeFlow, let path = provider.sessionsFile else { continue }
      opened[provider.name] = try open(flow, of: provider, path)
    }
    return opened
  }

  private func open(
    _ flow: CodeFlowConfiguration, of provider: ProviderConfiguration, _ path: String
  ) throws(CodeFlowsFault) -> Opened {
    let name = provider.name
    let store: SQLiteSessionStore
    var ended: [EndedSignIn] = []
    if let known = stores[name], known.isAt(path) {
      store = known.store
    } else {
      do throws(StoreFault) {
        store = try SQLiteSessionStore(path: path)
        newStores.append(store)
        ended = try EndedSignIns.earlier(in: store, of: name)
      } catch {
        throw CodeFlowsFault(provider: name, why: "\(error)")
      }
    }
    let memory = stores[name]?.memory ?? CodeFlowMemory()
    // Kept too: requests that an earlier configuration has begun wait for the same answer.
    let keys = stores[name]?.keys ?? KnownKeys(provider: name, lookup)
    let client: OAuthClient
    do throws(ClientFault) {
      client = try OAuthClient(id: flow.clientID, ClientAuthentication(flow.clientAuthentication))
    } catch {
      throw CodeFlowsFault(provider: name, why: "\(error)")
    }
    let access: ProviderAccess
    do throws(FetchError) {
      access = ProviderAccess(
        issuer: provider.policy.issuer, certificateAuthorityFile: provider.certificateAuthorityFile,
        fetcher: try Fetcher(loop: loop), loop: loop, keys: { keys.current }, newKeys: { keys.ask($0) })
    } catch {
      throw CodeFlowsFault(provider: name, why: "\(error)")
    }
    do throws(SealingFault) {
      let service = try CodeFlowService(
        flow, provider.policy, client: client, certificateAuthorityFile: provider.certificateAuthorityFile,
        store: store, memory: memory, access: access, clock: { WallClock.seconds },
        end: { [relay = self.ended.relay] ids, done in
          let until = WallClock.seconds + EndedSignIn.sessionKnownSeconds
          relay.add(ids.map { EndedSignIn(id: $0, provider: name, until: until) }, told: done)
        },
        verified: { [census] in census.count($0) }, report: { [log] in $0.write(to: log, provider: name) })
      return Opened(path: path, store: store, memory: memory, service: service, keys: keys, ended: ended)
    } catch {
      throw CodeFlowsFault(provider: name, why: "\(error)")
    }
  }

  /// Deletes the databases that `open` has made since, for a configuration that comes to nothing. Blocks.
  func abandon() {
    for store in newStores { store.discard() }
    newStores = []
  }

  /// Takes another configuration, with what `open` has opened for it.
  ///
  /// - Returns: What the gateway answers itself from now on.
  func take(_ configuration: GatewayConfiguration, _ opened: [String: Opened], _ store: KeyStore) -> [LocalRoute] {
    let before = stores
    stores = opened
    newStores = []
    for (name, each) in opened {
      ended.learn(each.ended)
      stores[name]?.ended = []
    }
    take(store.snapshot, of: configuration)
    for (name, former) in before {
      if opened[name] == nil { former.keys.end() } else { former.keys.askAgain() }
    }
    var routes: [LocalRoute] = []
    for provider in configuration.providers {
      guard provider.codeFlow != nil, let current = opened[provider.name] else { continue }
      if before[provider.name]?.store !== current.store { watch(provider.name, current) }
      for path in provider.pagePaths { routes.append(LocalRoute(path, responder: current.service)) }
    }
    return routes
  }

  /// Takes other keys of the providers.
  func take(_ snapshot: KeySnapshot, of configuration: GatewayConfiguration) {
    for (index, provider) in configuration.providers.enumerated() where snapshot.providers.indices.contains(index) {
      stores[provider.name]?.keys.take(snapshot.providers[index])
    }
  }

  /// Tells what routes refuse.
  func tell(_ revocations: Revocations) {
    for opened in stores.values { opened.service.take(revocations) }
  }

  /// Begins to watch; what has ended has begun before.
  ///
  /// - Parameter lookForKeys: Has the provider of that name asked for other keys; from anywhere.
  func start(lookForKeys: @escaping @Sendable (_ provider: String) -> Void) {
    lookup.set(lookForKeys)
    for (name, opened) in stores { watch(name, opened) }
  }

  private func watch(_ provider: String, _ opened: Opened) {
    ended.relay.watch(
      opened.store, of: provider, noted: { [log] in $0.write(to: log, provider: provider) },
      failed: { [log, faults = opened.memory.storeFaults] fault in
        guard let count = faults.count(fault) else { return }
        CodeFlowEvent.storeFailed(fault.description, count: count).write(to: log, provider: provider)
      })
  }

  /// What went wrong with the stores of sessions within the last minute, in the order of their providers.
  var storeFaults: [AdminReport.StoreFault] {
    stores.keys.sorted().compactMap { provider in
      stores[provider]?.memory.storeFaults.recent().map { .init(.sessions, of: provider, why: $0) }
    }
  }

  /// Whose session it is.
  ///
  /// - Parameters:
  ///   - client: Who sent it; nil where there is no address.
  ///   - completion: Called once, from anywhere.
  func introspect(
    _ session: [UInt8], provider: String, client: IPAddress?,
    completion: @escaping @Sendable (IntrospectionResult) -> Void
  ) {
    guard let opened = stores[provider] else { return completion(.unavailable) }
    opened.service.introspect(session, client: client, completion: completion)
  }
}
