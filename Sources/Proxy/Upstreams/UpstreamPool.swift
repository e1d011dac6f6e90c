import Configuration
import Reason
import Sockets
import TLS

/// The connections of one loop to one upstream.
final class UpstreamPool {
  let state: UpstreamState
  let connectDeadlines: DeadlineList
  let responseDeadlines: DeadlineList
  let idleDeadlines: DeadlineList
  /// Whether requests in flight are counted per server: only where the balance asks.
  let countsRequests: Bool
  /// What is spoken to servers with TLS.
  let tls: TLSClientContext?
  private(set) var isRetired = false
  private var servers: [UpstreamServer]
  private let idleTogether: IdleConnections
  private var choice: ServerChoice
  /// What retries may still be spent: each request adds a fifth, so that retries stay below 20 % of them.
  private var retryBudget = UpstreamPool.retryBudgetMax
  private static let retryBudgetMax = 100.0
  private static let retryBudgetPerRequest = 0.2

  /// - Parameters:
  ///   - offset: The loop's number. The turns begin there: loops begin at different servers.
  ///   - idleTogether: Of the loop.
  init(_ upstream: UpstreamSnapshot, offset: Int, loop: EventLoop, idleTogether: IdleConnections) {
    self.idleTogether = idleTogether
    state = upstream.state
    tls = upstream.state.context(ofWorker: offset)
    let configuration = upstream.state.configuration
    connectDeadlines = loop.deadlines(after: configuration.connectTimeout)
    responseDeadlines = loop.deadlines(after: configuration.responseTimeout)
    idleDeadlines = loop.deadlines(after: configuration.idleTimeout)
    countsRequests = configuration.balance != .roundRobin
    choice = ServerChoice(
      configuration.balance, offset: offset, probeTimeout: configuration.connectTimeout + Limits.probeResponseMax)
    servers = upstream.servers.map { UpstreamServer($0, idleTogether) }
  }

  /// It has these servers from now on. The connections of those that stay, stay; free ones to others close.
  func update(servers next: [ServerState]) {
    let old = servers
    servers = next.map { state in old.first { $0.state === state } ?? UpstreamServer(state, idleTogether) }
    for server in old where !servers.contains(where: { $0 === server }) { server.retire() }
  }

  /// A request begins.
  func requestBegins() {
    retryBudget = min(retryBudget + UpstreamPool.retryBudgetPerRequest, UpstreamPool.retryBudgetMax)
  }

  /// The server for a request that failed on `attempted`, or why there is none.
  func server(after attempted: [ServerState], now: MonotonicTime) -> Result<UpstreamServer, NoServer> {
    if let server = choice.choose(from: servers, attempted: attempted, now: now) { return .success(server) }
    return .failure(NoServer(reason: servers.isEmpty ? .upstreamUnresolved : .upstreamUnavailable))
  }

  struct NoServer: Error {
    let reason: Reason
  }

  enum Freshness { case any, new }

  /// A free connection to `server`, or one that begins to connect.
  ///
  /// - Parameter freshness: Whether a free one will do.
  func connection(
    to server: UpstreamServer, _ freshness: Freshness, on worker: Worker
  ) throws(SystemError) -> UpstreamConnection {
    if freshness == .any, let free = server.takeIdle() { return free }
    return try UpstreamConnection(to: server, pool: self, worker: worker)
  }

  /// Whether one more retry is within `retries` and the budget; spends it.
  func mayRetry(attempt: Int) -> Bool {
    guard attempt < state.configuration.retries, retryBudget >= 1 else { return false }
    retryBudget -= 1
    return true
  }

  /// A connection to `server` did not come about, ended before a response, or brought none in time.
  func failed(_ server: UpstreamServer, _ reason: Reason, on worker: Worker) {
    let now = worker.loop.now
    let isElsewhere = reason != .upstreamClosed && reason != .upstreamTimeout
    if isElsewhere, server.state.isResolved, state.mayLookUp(now) { worker.control.lookUp(state) }
    guard let times = server.state.failed(now) else { return }
    // One that is alone is asked all the same: `ServerChoice` has no other.
    let name = server.state.name
    worker.report(
      .upstream(
        state.configuration.name,
        servers.count > 1 ? .ejected(name, reason, times: times) : .failing(name, reason, times: times)))
  }

  /// `server` began to answer.
  func answered(_ server: UpstreamServer, on worker: Worker) {
    guard server.state.answered() else { return }
    worker.report(.upstream(state.configuration.name, .recovered(server.state.name)))
  }

  /// Closes a free connection; false where there is none.
  func closeIdle() -> Bool {
    for server in servers {
      guard let free = server.takeIdle() else { continue }
      free.close()
      return true
    }
    return false
  }

  /// The configuration does not name it any more: free connections close, busy ones with their exchange.
  func retire() {
    isRetired = true
    for server in servers { server.retire() }
  }
}

extension ServerAddress {
  /// As the system takes it, which the configuration has checked; nil for a name.
  var socketAddress: SocketAddress? {
    switch self {
    case .ipv4(let literal, let port): SocketAddress(ipv4: literal, port: port)
    case .ipv6(let literal, let port): SocketAddress(ipv6: literal, port: port)
    case .unix(let path): SocketAddress(unix: path)
    case .name: nil
    }
  }
}
