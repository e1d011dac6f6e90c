import Configuration
import HTTP
public import Keys
public import Sockets
public import Telemetry
public import Tokens

/// The traffic side of the gateway: the loops, what they listen on, and what is published to them.
public final class Server: Sendable {
  private let workers: [LoopBound<Worker>]
  private let counters: SharedCounters
  private let replays: ReplayMemory
  /// Whether its loops are its own, and not somebody else's who runs them.
  private let ownsLoops: Bool

  /// Makes one loop per worker. Nothing is accepted before `start`.
  ///
  /// - Parameters:
  ///   - sockets: Of the listeners of `active`, for as many workers as it has.
  ///   - isWatched: Whether `collect` is to say what was refused, and what is counted whatever the configuration says.
  ///   - report: Called from any loop.
  public init(
    _ active: ActiveConfiguration, sockets: ListenerSockets, keys: KeySnapshot, tls: ListenerContexts,
    upstreams: [UpstreamSnapshot], accessLog: AccessLog, isWatched: Bool, connectionRoom: ConnectionRoom = .unlimited,
    report: @escaping @Sendable (ProxyEvent) -> Void
  ) throws(ServerError) {
    var loops: [EventLoop] = []
    do throws(SystemError) {
      for index in 0..<active.configuration.workers { loops.append(try EventLoop(label: "worker-\(index)")) }
    } catch {
      throw .loop(error)
    }
    let replays = ReplayMemory(report: report)
    if active.speaksDPoP { replays.reserve() }
    self.replays = replays
    let rateLimits = RateLimitMemory()
    let counters = SharedCounters(connectionRoom)
    self.counters = counters
    var workers: [LoopBound<Worker>] = []
    for (index, loop) in loops.enumerated() {
      let worker = Worker(
        index: index, loop: loop, sockets: sockets.shares[index], tls: tls.contexts[index],
        clientsGenerations: tls.clientsGenerations, active: active, keys: keys,
        upstreams: upstreams,
        counters: counters, replays: replays, rateLimits: rateLimits,
        accessLog: accessLog.makeRing(remembersRefusals: isWatched),
        counts: isWatched || active.configuration.isCounted ? TrafficCounts() : nil,
        report: report)
      workers.append(LoopBound(worker, loop: loop))
    }
    self.workers = workers
    ownsLoops = true
  }

  /// What answers operators: on one loop that carries other things too, and with Responders alone.
  ///
  /// - Parameters:
  ///   - sockets: Whose admin listener is meant.
  ///   - loop: Runs already.
  public init(
    admin active: ActiveConfiguration, sockets: ListenerSockets, loop: EventLoop,
    report: @escaping @Sendable (ProxyEvent) -> Void
  ) {
    replays = ReplayMemory(report: report)
    counters = SharedCounters(.unlimited)
    let worker = Worker(
      index: 0, loop: loop, sockets: sockets.adminShares, tls: [nil], clientsGenerations: [0], active: active,
      keys: KeySnapshot(providers: []), upstreams: [], counters: counters, replays: replays,
      rateLimits: RateLimitMemory(),
      accessLog: .none(), counts: nil, report: report)
    workers = [LoopBound(worker, loop: loop)]
    ownsLoops = false
  }

  /// Begins to accept.
  ///
  /// - Parameters:
  ///   - control: What the loops ask for from now on.
  ///   - begun: Called once per loop, from it, when it accepts.
  ///   - failed: Called from any loop.
  public func start(
    _ control: ControlRequests, begun: @escaping @Sendable () -> Void,
    failed: @escaping @Sendable (SystemError) -> Void
  ) {
    let others = OtherLoops(workers)
    for worker in workers {
      if ownsLoops { worker.loop.start() }
      worker.async { worker in
        do throws(SystemError) {
          try worker.listen(asking: control, telling: others)
          begun()
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

  /// Tells the loop that asked.
  public func answer(_ request: RenewalRequest, _ renewal: Renewal) {
    workers[request.place.worker].async { $0.renewed(request.place, renewal) }
  }

  /// Has every loop decide with other keys, and go on with the requests that wait for some.
  public func update(keys: KeySnapshot) {
    for worker in workers { worker.async { $0.update(keys: keys) } }
  }

  /// Has every loop decide by another configuration: new requests, and those that still wait for keys or an issuer.
  ///
  /// - Parameter tls: Of the same listeners, and as many loops.
  public func update(
    _ active: ActiveConfiguration, keys: KeySnapshot, revocations: RevocationSnapshot, tls: ListenerContexts,
    upstreams: [UpstreamSnapshot]
  ) {
    if active.speaksDPoP { replays.reserve() }
    for (worker, contexts) in zip(workers, tls.contexts) {
      worker.async {
        $0.update(revocations: revocations)
        $0.update(
          active: active, keys: keys, tls: contexts, clientsGenerations: tls.clientsGenerations, upstreams: upstreams)
      }
    }
  }

  /// Has every loop refuse what is revoked, on open tunnels too.
  ///
  /// - Parameter known: Called once per loop, from it, when it refuses what is revoked.
  public func update(revocations: RevocationSnapshot, known: @escaping @Sendable () -> Void = {}) {
    for worker in workers {
      worker.async {
        $0.update(revocations: revocations)
        known()
      }
    }
  }

  /// An upstream has other servers; nothing happens where it is no longer in force.
  public func update(_ upstream: UpstreamSnapshot) {
    for worker in workers { worker.async { $0.update(servers: upstream.servers, of: upstream.state) } }
  }

  /// Has every loop say what it has counted and refused.
  ///
  /// - Parameter each: Called once per loop, from it.
  public func collect(_ each: @escaping @Sendable (LoopTraffic) -> Void) {
    for worker in workers {
      worker.async {
        each(
          LoopTraffic(
            counts: $0.counts ?? TrafficCounts(), census: $0.context.census, refusals: $0.accessLog.recentRefusals))
      }
    }
  }

  /// Has every loop give away its spans.
  ///
  /// - Parameter each: Called once per loop, from it.
  public func collectSpans(_ each: @escaping @Sendable (SpanBuffer.Taken) -> Void) {
    for worker in workers { worker.async { each($0.accessLog.takeSpans()) } }
  }

  /// Client connections that are open.
  public var openConnections: Int { counters.openConnections }

  /// Ends accepting, and lets what is under way end.
  ///
  /// - Parameter drained: Called once per loop, from it, when its last connection has closed.
  public func drain(_ drained: @escaping @Sendable () -> Void) {
    for worker in workers { worker.async { $0.drain(drained) } }
  }

  /// The number of loops; 1 for the server that answers operators.
  public var workerCount: Int { workers.count }

  /// Ends accepting, and cuts what is still under way.
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
}
