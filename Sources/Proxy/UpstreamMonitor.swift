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

  typealias Answers = [(name: Name, addresses: Result<[SocketAddress], NameLookupError>)]

  let state: UpstreamState
  private(set) var servers: [ServerState] = []
  private let names: [Name]
  /// The last good answers.
  private(set) var addresses: [Name: [SocketAddress]]
  /// Names that cannot be resolved now.
  private var unresolved: Set<Name> = []
  private var failures = 0
  private var isLookingUp = false
  /// Whether each name was asked for once, or has addresses from before.
  private(set) var isReady: Bool
  private var timer: LoopTimer?
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
    var names: [Name] = []
    if case .servers(let servers) = state.configuration.kind {
      for server in servers {
        if case .name(let host, let port) = server.address { names.append(Name(host: host, port: port)) }
      }
    }
    self.names = names
    addresses = known.filter { names.contains($0.key) }
    isReady = addresses.count == names.count
    servers = currentServers()
  }

  var snapshot: UpstreamSnapshot { UpstreamSnapshot(state: state, servers: servers) }

  /// Begins the health checks.
  func start() {
    isStarted = true
    checkServers()
  }

  func stop() {
    isStarted = false
    timer?.cancel()
    for monitor in healthMonitors { monitor.stop() }
    healthMonitors = []
  }

  // MARK: Names

  /// The names to ask for now; empty where there are none, or they are being asked for.
  func beginLookup() -> [Name] {
    guard !names.isEmpty, !isLookingUp else { return [] }
    isLookingUp = true
    timer?.cancel()
    return names
  }

  /// Takes what the names stand for, and has them looked up again in time.
  ///
  /// - Returns: Whether the servers are others than before.
  func take(_ answers: Answers, again: @escaping () -> Void) -> Bool {
    isLookingUp = false
    isReady = true
    for (name, answer) in answers { take(answer, of: name) }
    failures = unresolved.isEmpty ? 0 : failures + 1
    timer = loop.schedule(after: pause, again)
    let next = currentServers()
    guard next.count != servers.count || !zip(next, servers).allSatisfy({ $0 === $1 }) else { return false }
    servers = next
    tell(.serversChanged(servers.map(\.name)))
    if isStarted { checkServers() }
    return true
  }

  private func take(_ answer: Result<[SocketAddress], NameLookupError>, of name: Name) {
    switch answer {
    case .success(let found):
      addresses[name] = found
      if unresolved.remove(name) != nil { tell(.nameResolved(name.text)) }
    case .failure(let error):
      guard unresolved.insert(name).inserted else { return }
      tell(.nameUnresolved(name.text, error, keeps: addresses[name] != nil))
    }
  }

  private func tell(_ event: UpstreamEvent) { report(.upstream(state.configuration.name, event)) }

  /// Until the names are looked up again: sooner while that fails.
  private var pause: Duration {
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
    case .fixed(let answer): return [ServerState(.builtin(.fixed(answer)))]
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
    return (addresses[Name(host: host, port: port)] ?? []).map { ($0, true) }
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
