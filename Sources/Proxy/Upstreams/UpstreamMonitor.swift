import Configuration
import Sockets

/// Sees to the servers of one upstream: what their names stand for, and whether they are well. On the control loop.
final class UpstreamMonitor {
  /// A name of servers in the configuration.
  struct Name: Hashable, Sendable {
    let host: String
    let port: UInt16

    var text: String { "\(host):\(port)" }
  }

  /// What is known of a name.
  private struct Resolution {
    /// The last good answer.
    var addresses: [SocketAddress]?
    /// Lookups in a row that found nothing.
    var failures = 0
    var wasAsked = false
    var isLookingUp = false
    var timer: LoopTimer?
  }

  let state: UpstreamState
  private(set) var servers: [ServerState] = []
  private var resolutions: [Name: Resolution] = [:]
  private var healthMonitors: [HealthMonitor] = []
  private var isStarted = false
  private let loop: EventLoop
  private let report: (ProxyEvent) -> Void

  /// - Parameter known: Addresses of names that stand already.
  init(
    _ state: UpstreamState, known: [Name: [SocketAddress]], on loop: EventLoop, report: @escaping (ProxyEvent) -> Void
  ) {
    self.state = state
    self.loop = loop
    self.report = report
    if case .servers(let servers) = state.configuration.kind {
      for server in servers {
        guard case .name(let host, let port) = server.address else { continue }
        let name = Name(host: host, port: port)
        resolutions[name] = Resolution(addresses: known[name])
      }
    }
    servers = currentServers()
  }

  var snapshot: UpstreamSnapshot { UpstreamSnapshot(state: state, servers: servers) }

  /// It is in force: begins the health checks.
  func start() {
    isStarted = true
    state.takeForce()
    checkServers()
  }

  func stop() {
    isStarted = false
    for resolution in resolutions.values { resolution.timer?.cancel() }
    for monitor in healthMonitors { monitor.stop() }
    healthMonitors = []
  }

  // MARK: Names

  var names: [Name] { Array(resolutions.keys) }

  /// The last good answers.
  var addresses: [Name: [SocketAddress]] { resolutions.compactMapValues(\.addresses) }

  /// Whether each name was asked for once, or has addresses from before.
  var isReady: Bool { resolutions.values.allSatisfy { $0.wasAsked || $0.addresses != nil } }

  /// Whether `name` is to be asked for now; false where it is being asked for.
  func beginLookup(of name: Name) -> Bool {
    guard var resolution = resolutions[name], !resolution.isLookingUp else { return false }
    resolution.isLookingUp = true
    resolution.timer?.cancel()
    resolutions[name] = resolution
    return true
  }

  /// Takes what `name` stands for, and has it looked up again in time.
  ///
  /// - Returns: Whether the servers are others than before.
  func take(
    _ outcome: Result<[SocketAddress], NameLookupError>, of name: Name, again: @escaping () -> Void
  ) -> Bool {
    guard var resolution = resolutions[name] else { return false }
    resolution.isLookingUp = false
    resolution.wasAsked = true
    switch outcome {
    case .success(let found):
      if resolution.failures > 0 { tell(.nameResolved(name.text)) }
      resolution.addresses = found
      resolution.failures = 0
    case .failure(let error):
      if resolution.failures == 0 { tell(.nameUnresolved(name.text, error, keeps: resolution.addresses != nil)) }
      resolution.failures += 1
    }
    resolution.timer = loop.schedule(after: pause(failures: resolution.failures), again)
    resolutions[name] = resolution
    let next = currentServers()
    guard next.count != servers.count || !zip(next, servers).allSatisfy({ $0 === $1 }) else { return false }
    servers = next
    tell(.serversChanged(servers.map(\.name)))
    if isStarted { checkServers() }
    return true
  }

  private func tell(_ event: UpstreamEvent) { report(.upstream(state.configuration.name, event)) }

  /// Until a name is looked up again: sooner while that fails.
  private func pause(failures: Int) -> Duration {
    let every = state.configuration.resolveEvery * Double.random(in: 0.9...1.1)
    guard failures > 0 else { return every }
    return min(every, Limits.lookupPause * (1 << min(failures - 1, 16)))
  }

  /// The servers that the configuration and the names mean now, each once; those that were there before are the same.
  private func currentServers() -> [ServerState] {
    let configured: [ServerConfiguration]
    switch state.configuration.kind {
    case .servers(let servers): configured = servers
    case .echo: return [ServerState(.builtin(.echo))]
    case .fixed(let response): return [ServerState(.builtin(.fixed(response)))]
    }
    var next: [ServerState] = []
    var seen: Set<[String?]> = []
    for server in configured {
      let securedHost = server.securedHost.map { state.configuration.tls.serverName ?? $0 }
      for (address, isResolved) in places(of: server.address)
      where seen.insert([address.text, securedHost]).inserted {
        let known = servers.first {
          $0.name == address.text && $0.weight == server.weight && $0.securedHost == securedHost
        }
        next.append(
          known
            ?? ServerState(
              .address(address), weight: server.weight, securedHost: securedHost,
              host: server.address.field(securedHost), isResolved: isResolved))
      }
    }
    return next
  }

  private func places(of address: ServerAddress) -> [(address: SocketAddress, isResolved: Bool)] {
    guard case .name(let host, let port) = address else { return address.socketAddress.map { [($0, false)] } ?? [] }
    return (resolutions[Name(host: host, port: port)]?.addresses ?? []).map { ($0, true) }
  }

  // MARK: Health

  /// Checks those that are servers now, and no others.
  private func checkServers() {
    guard let health = state.configuration.health else { return }
    let old = healthMonitors
    for monitor in old where !servers.contains(where: { $0 === monitor.server }) { monitor.stop() }
    healthMonitors = servers.map { server in
      if let monitor = old.first(where: { $0.server === server }) { return monitor }
      let monitor = HealthMonitor(server, of: state, health, on: loop, report: report)
      monitor.start()
      return monitor
    }
  }
}

extension ServerAddress {
  /// What `Host` says of it (RFC 9112 §3.2): as it is written, and without a host's name for a path.
  ///
  /// - Parameter securedHost: What its certificate is for, which `Host` has to agree with.
  fileprivate func field(_ securedHost: String?) -> String {
    switch self {
    case .ipv4(let host, let port), .ipv6(let host, let port), .name(let host, let port):
      "\(Self.bracketed(securedHost ?? host)):\(port)"
    case .unix: "localhost"
    }
  }

  /// Only IPv6 literals have colons.
  private static func bracketed(_ host: String) -> String { host.contains(":") ? "[\(host)]" : host }
}
