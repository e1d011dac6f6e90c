import Configuration
public import Sockets
public import TLS

/// The upstreams of the configuration in force, and what goes on beside requests for them: names are resolved, servers
/// are checked. Bound to the control loop.
public final class Upstreams {
  /// Resolves a name. Blocks, so it is called on no loop.
  public typealias Lookup = @Sendable (String, UInt16) -> Result<[SocketAddress], NameLookupError>
  /// Does something with the upstreams, on the control loop; from anywhere.
  public typealias Return = @Sendable (@escaping @Sendable (Upstreams) -> Void) -> Void

  private let loop: EventLoop
  private let workers: Int
  private let lookups: LookupQueues
  private let report: (ProxyEvent) -> Void
  private var comingBack: Return?
  private var publish: (UpstreamSnapshot) -> Void = { _ in }
  private var monitors: [UpstreamMonitor]
  /// Those of a configuration that is not in force yet; some are in `monitors` as well.
  private var next: [UpstreamMonitor]?
  private var waiting: (timer: LoopTimer, completion: () -> Void)?

  /// - Parameters:
  ///   - workers: Loops that carry traffic.
  ///   - loop: The control loop.
  public init(
    _ definitions: [UpstreamDefinition], workers: Int, loop: EventLoop,
    lookup: @escaping Lookup = Upstreams.systemLookup, report: @escaping (ProxyEvent) -> Void
  ) throws(TLSFault) {
    self.loop = loop
    self.workers = workers
    lookups = LookupQueues(lookup)
    self.report = report
    var monitors: [UpstreamMonitor] = []
    for definition in definitions {
      let state = try UpstreamState(definition, workers: workers)
      monitors.append(UpstreamMonitor(state, known: [:], on: loop, report: report))
    }
    self.monitors = monitors
  }

  /// Asks the system: `NameLookup.addresses(of:port:)`.
  public static let systemLookup: Lookup = { name, port in
    do throws(NameLookupError) {
      return .success(try NameLookup.addresses(of: name, port: port))
    } catch {
      return .failure(error)
    }
  }

  /// As they are at the moment.
  public var snapshots: [UpstreamSnapshot] { monitors.map(\.snapshot) }

  /// The names of those that have no server now: none of their names has an address.
  public var withoutServers: [String] { monitors.filter(\.servers.isEmpty).map(\.state.configuration.name) }

  /// How each upstream is.
  public var statuses: [UpstreamStatus] {
    monitors.map { monitor in
      UpstreamStatus(
        name: monitor.state.configuration.name,
        servers: monitor.servers.map { UpstreamStatus.Server(name: $0.name, health: $0.health) })
    }
  }

  /// Begins to resolve and to check.
  ///
  /// - Parameters:
  ///   - publish: Called when an upstream has other servers.
  ///   - ready: Called once, when every name was asked for, or after `Limits.firstLookupMax`.
  public func start(
    comingBack: @escaping Return, publish: @escaping (UpstreamSnapshot) -> Void, ready: @escaping () -> Void
  ) {
    loop.assertIsCurrent()
    self.comingBack = comingBack
    self.publish = publish
    for monitor in monitors {
      monitor.start()
      lookUp(monitor)
    }
    whenReady(ready)
  }

  /// Names of `upstream` may have other addresses by now.
  public func lookUp(_ upstream: UpstreamState) {
    loop.assertIsCurrent()
    if let monitor = monitors.first(where: { $0.state === upstream }) { lookUp(monitor) }
  }

  // MARK: Reload

  /// Makes ready what another configuration needs: its names are resolved, unless they are already. What is defined as
  /// before stays as it is.
  ///
  /// - Parameter ready: As of `start`; `commit` or `abandon` have to follow.
  /// - Throws: Before anything has begun; `ready` is not called.
  public func prepare(_ definitions: [UpstreamDefinition], ready: @escaping () -> Void) throws(TLSFault) {
    loop.assertIsCurrent()
    let known = monitors.reduce(into: [:]) { all, monitor in all.merge(monitor.addresses) { first, _ in first } }
    var next: [UpstreamMonitor] = []
    for definition in definitions {
      if let monitor = monitors.first(where: { $0.state.definition == definition }) {
        next.append(monitor)
      } else {
        let before = monitors.first { $0.state.configuration.name == definition.configuration.name }
        let state = try UpstreamState(definition, workers: workers, limit: before?.state.limit)
        next.append(UpstreamMonitor(state, known: known, on: loop, report: report))
      }
    }
    self.next = next
    for monitor in next where !isInForce(monitor) { lookUp(monitor) }
    whenReady(ready)
  }

  /// What was prepared is in force.
  public func commit() {
    loop.assertIsCurrent()
    guard let next else { return }
    let old = monitors
    for monitor in next where !isInForce(monitor) { monitor.start() }
    monitors = next
    self.next = nil
    for monitor in old where !isInForce(monitor) { monitor.stop() }
  }

  /// What was prepared is not to be.
  public func abandon() {
    loop.assertIsCurrent()
    for monitor in next ?? [] where !isInForce(monitor) { monitor.stop() }
    next = nil
  }

  private func isInForce(_ monitor: UpstreamMonitor) -> Bool { monitors.contains { $0 === monitor } }

  // MARK: Names

  private func lookUp(_ monitor: UpstreamMonitor) {
    for name in monitor.names { lookUp(name, of: monitor) }
  }

  /// Each by itself: a name whose servers do not answer holds up no other.
  private func lookUp(_ name: UpstreamMonitor.Name, of monitor: UpstreamMonitor) {
    guard let comingBack, monitor.beginLookup(of: name) else { return }
    let state = monitor.state
    lookups.resolve(
      name, isWanted: { [unowned self] in monitorInUse(of: state) != nil },
      completion: { outcome, queue in
        comingBack {
          $0.lookups.ended(queue)
          $0.take(outcome, of: name, in: state)
        }
      })
  }

  /// One in force, or being prepared.
  private func monitorInUse(of state: UpstreamState) -> UpstreamMonitor? {
    monitors.first { $0.state === state } ?? next?.first { $0.state === state }
  }

  private func take(_ outcome: LookupQueues.Outcome, of name: UpstreamMonitor.Name, in state: UpstreamState) {
    // One that a reload has stopped is of no interest any more.
    guard let monitor = monitorInUse(of: state) else { return }
    let hasChanged = monitor.take(outcome, of: name) { [unowned self, unowned monitor] in lookUp(name, of: monitor) }
    if hasChanged { publish(monitor.snapshot) }
    tellWhenReady()
  }

  private func whenReady(_ completion: @escaping () -> Void) {
    let timer = loop.schedule(after: Limits.firstLookupMax) { [unowned self] in
      waiting = nil
      completion()
    }
    waiting = (timer, completion)
    tellWhenReady()
  }

  private func tellWhenReady() {
    guard let waiting, (next ?? monitors).allSatisfy(\.isReady) else { return }
    self.waiting = nil
    waiting.timer.cancel()
    waiting.completion()
  }
}
