import Configuration
import Reason
import Sockets

/// The connections of one loop to one upstream.
final class UpstreamPool {
  let configuration: UpstreamConfiguration
  let connectDeadlines: DeadlineList
  let responseDeadlines: DeadlineList
  let idleDeadlines: DeadlineList
  private let servers: [UpstreamServer]
  private var turn: Int
  /// What retries may still be spent: each request adds a fifth, so that retries stay below 20 % of them.
  private var retryBudget = UpstreamPool.retryBudgetMax
  private static let retryBudgetMax = 100.0
  private static let retryBudgetPerRequest = 0.2

  /// - Parameter offset: Where the turns begin: loops begin at different servers.
  init(_ configuration: UpstreamConfiguration, offset: Int, loop: EventLoop) {
    self.configuration = configuration
    connectDeadlines = loop.deadlines(after: configuration.connectTimeout)
    responseDeadlines = loop.deadlines(after: configuration.responseTimeout)
    idleDeadlines = loop.deadlines(after: configuration.idleTimeout)
    switch configuration.kind {
    case .echo: servers = [UpstreamServer(.builtin(.echo))]
    case .fixed(let answer): servers = [UpstreamServer(.builtin(.fixed(answer)))]
    case .servers(let addresses):
      servers = addresses.compactMap { $0.socketAddress.map { UpstreamServer(.address($0)) } }
    }
    turn = offset
  }

  /// A connection for `head`, which it takes: a free one, or one that begins to connect.
  ///
  /// - Parameters:
  ///   - attempt: 0 for the first; each further one takes the next server.
  ///   - freshness: Whether a free connection will do.
  func connection(
    attempt: Int, freshness: Freshness, on worker: Worker
  ) throws(SystemError) -> UpstreamConnection {
    guard !servers.isEmpty else { throw SystemError(call: "connect", code: 0) }
    if attempt == 0 {
      turn = turn &+ 1
      retryBudget = min(retryBudget + UpstreamPool.retryBudgetPerRequest, UpstreamPool.retryBudgetMax)
    }
    let server = servers[Int(UInt(bitPattern: turn &+ attempt) % UInt(servers.count))]
    if freshness == .any, let free = server.takeIdle() { return free }
    return try UpstreamConnection(to: server, pool: self, worker: worker)
  }

  enum Freshness { case any, new }

  /// Whether one more retry is within `retries` and the budget; spends it.
  func mayRetry(attempt: Int) -> Bool {
    guard attempt < configuration.retries, retryBudget >= 1 else { return false }
    retryBudget -= 1
    return true
  }

  /// The configuration does not name it any more: free connections close, busy ones with their exchange.
  func retire() {
    for server in servers { server.retire() }
  }
}

extension ServerAddress {
  /// As the system takes it. The configuration has checked the literals.
  var socketAddress: SocketAddress? {
    switch self {
    case .ipv4(let literal, let port): SocketAddress(ipv4: literal, port: port)
    case .ipv6(let literal, let port): SocketAddress(ipv6: literal, port: port)
    case .unix(let path): SocketAddress(unix: path)
    }
  }
}
