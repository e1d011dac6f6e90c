import Configuration
public import Keys
public import Sockets
public import Telemetry
public import Tokens

/// The traffic side of the gateway: the loops, what they listen on, and what is published to them.
public final class Server: Sendable {
  private let workers: [LoopBound<Worker>]
  private let counters = SharedCounters()
  private let replays: ReplayMemory
  /// What is listened on, with the ports that the system chose.
  public let addresses: [String]

  /// Binds every listener, and makes one loop per worker. Nothing is accepted before `start`.
  ///
  /// - Parameter report: Called from any loop.
  public init(
    _ active: ActiveConfiguration, keys: KeySnapshot, tls: ListenerContexts, upstreams: [UpstreamSnapshot],
    accessLog: AccessLog,
    report: @escaping @Sendable (ProxyEvent) -> Void
  ) throws(ServerError) {
    var loops: [EventLoop] = []
    do throws(SystemError) {
      for index in 0..<active.configuration.workers { loops.append(try EventLoop(label: "worker-\(index)")) }
    } catch {
      throw ServerError(address: nil, error: error)
    }
    var sockets = [[(socket: ListeningSocket, proxyProtocol: Bool)]](repeating: [], count: loops.count)
    var addresses: [String] = []
    for listener in active.configuration.listeners {
      var bound = listener.address
      for index in loops.indices {
        let socket: ListeningSocket
        if bound.isUnix, let first = sockets[0].last, index > 0 {
          socket = first.socket
        } else {
          if index == 0 { try Server.ensureFree(bound) }
          socket = try Server.bind(bound)
        }
        sockets[index].append((socket, listener.proxyProtocol))
        // Port 0: the first loop's choice is every loop's.
        if index == 0 {
          addresses.append(socket.text)
          bound = bound.with(port: socket.port)
        }
      }
    }
    self.addresses = addresses
    let replays = ReplayMemory(report: report)
    if active.speaksDPoP { replays.reserve() }
    self.replays = replays
    let rateLimits = RateLimitMemory()
    var workers: [LoopBound<Worker>] = []
    for (index, loop) in loops.enumerated() {
      let worker = Worker(
        index: index, loop: loop, sockets: sockets[index], tls: tls.contexts[index], active: active, keys: keys,
        upstreams: upstreams,
        counters: counters, replays: replays, rateLimits: rateLimits, accessLog: accessLog.makeRing(), report: report)
      workers.append(LoopBound(worker, loop: loop))
    }
    self.workers = workers
  }

  private static func bind(_ address: ListenAddress) throws(ServerError) -> ListeningSocket {
    try with(address) { address throws(SystemError) in try ListeningSocket(address, backlog: Server.backlog) }
  }

  private static func ensureFree(_ address: ListenAddress) throws(ServerError) {
    try with(address) { address throws(SystemError) in try ListeningSocket.ensureFree(address) }
  }

  private static func with<Value>(
    _ address: ListenAddress, _ body: (SocketAddress) throws(SystemError) -> Value
  ) throws(ServerError) -> Value {
    guard let socketAddress = address.socketAddress else {
      throw ServerError(address: "\(address)", error: SystemError(call: "bind", code: 0))
    }
    do throws(SystemError) {
      return try body(socketAddress)
    } catch {
      throw ServerError(address: socketAddress.text, error: error)
    }
  }

  /// Begins to accept.
  ///
  /// - Parameters:
  ///   - requestKeys: Called from any loop with a provider's index and the generation of the configuration that it is
  ///     of; ends in `update(keys:)`, where that configuration is still in force.
  ///   - requestIntrospection: Called from any loop; ends in `answer`, where its configuration is still in force.
  ///   - requestLookup: Called from any loop when the names of an upstream's servers may have other addresses.
  ///   - failed: Called from any loop.
  public func start(
    requestKeys: @escaping @Sendable (Int, UInt64) -> Void,
    requestIntrospection: @escaping @Sendable (IntrospectionQuestion) -> Void,
    requestLookup: @escaping @Sendable (UpstreamState) -> Void,
    failed: @escaping @Sendable (SystemError) -> Void
  ) {
    let workers = workers
    let giveTurn = { @Sendable (turn: ConnectionLimit.Turn, limit: ConnectionLimit) in
      workers[turn.worker].async { $0.turnHasCome(turn, limit) }
    }
    for worker in workers {
      worker.loop.start()
      worker.async { worker in
        do throws(SystemError) {
          try worker.listen(
            requestKeys: requestKeys, requestIntrospection: requestIntrospection, requestLookup: requestLookup,
            giveTurn: giveTurn)
        } catch {
          failed(error)
        }
      }
    }
  }

  /// Tells the loop that asked.
  public func answer(_ question: IntrospectionQuestion, _ result: IntrospectionResult) {
    workers[question.worker].async { $0.introspected(question, result) }
  }

  public func update(keys: KeySnapshot) {
    for worker in workers { worker.async { $0.update(keys: keys) } }
  }

  /// - Parameter tls: Of the same listeners, and as many loops.
  public func update(
    _ active: ActiveConfiguration, keys: KeySnapshot, revocations: RevocationSnapshot, tls: ListenerContexts,
    upstreams: [UpstreamSnapshot]
  ) {
    if active.speaksDPoP { replays.reserve() }
    for (worker, contexts) in zip(workers, tls.contexts) {
      worker.async {
        $0.context.revocations = revocations
        $0.update(active: active, keys: keys, tls: contexts, upstreams: upstreams)
      }
    }
  }

  public func update(revocations: RevocationSnapshot) {
    for worker in workers { worker.async { $0.context.revocations = revocations } }
  }

  /// An upstream has other servers; nothing happens where it is no longer in force.
  public func update(_ upstream: UpstreamSnapshot) {
    for worker in workers { worker.async { $0.update(servers: upstream.servers, of: upstream.state) } }
  }

  /// Client connections that are open.
  public var openConnections: Int { counters.openConnections }

  /// Ends accepting, and lets what is under way end.
  ///
  /// - Parameter drained: Called once per loop, from it, when its last connection has closed.
  public func drain(_ drained: @escaping @Sendable () -> Void) {
    for worker in workers { worker.async { $0.drain(drained) } }
  }

  public var workerCount: Int { workers.count }

  /// Cuts what is still under way.
  ///
  /// - Parameter ended: Called once per loop, from it.
  public func endExchanges(_ ended: @escaping @Sendable () -> Void) {
    for worker in workers {
      worker.async {
        $0.endExchanges()
        ended()
      }
    }
  }

  private static let backlog: Int32 = 4096
}

/// Why the server cannot start.
public struct ServerError: Error, CustomStringConvertible {
  /// The listener; nil where it is none's fault.
  public let address: String?
  public let error: SystemError

  public var description: String { address.map { "cannot listen on \($0): \(error)" } ?? "\(error)" }
}

extension ListenAddress {
  var isUnix: Bool {
    if case .unix = self { return true }
    return false
  }

  var socketAddress: SocketAddress? {
    switch self {
    case .ipv4(let literal, let port): SocketAddress(ipv4: literal, port: port)
    case .ipv6(let literal, let port): SocketAddress(ipv6: literal, port: port)
    case .unix(let path): SocketAddress(unix: path)
    }
  }

  func with(port: UInt16) -> ListenAddress {
    switch self {
    case .ipv4(let literal, _): .ipv4(literal, port: port)
    case .ipv6(let literal, _): .ipv6(literal, port: port)
    case .unix: self
    }
  }
}
