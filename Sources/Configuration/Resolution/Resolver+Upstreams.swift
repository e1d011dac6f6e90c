extension Resolver {
  /// nil after a report.
  mutating func resolveUpstream(_ named: Named<UpstreamDraft>) -> UpstreamConfiguration? {
    let upstream = named.body.value
    let places = named.body.places
    if places.isWritten("servers"), places.isWritten("builtin") {
      report(places.key("builtin"), "\"builtin\" beside \"servers\"; an upstream is one or the other")
    } else if places.isMissing("servers"), places.isMissing("builtin") {
      report(named.position, "upstream \"\(named.name)\" has neither \"servers\" nor \"builtin\"")
    }
    checkServers(upstream, places)
    let servers = upstream.servers.map { UpstreamConfiguration.Kind.servers($0.map(\.value)) }
    guard let kind = resolveBuiltin(named.body) ?? servers else { return nil }
    let timeouts = upstream.timeouts.value
    return UpstreamConfiguration(
      name: named.name, kind: kind, resolveEvery: upstream.resolveEvery, balance: upstream.balance,
      health: upstream.health.flatMap { HealthConfiguration($0.value) }, connectionsMax: upstream.connectionsMax,
      queueMax: upstream.queueMax, connectTimeout: timeouts.connect, responseTimeout: timeouts.response,
      idleTimeout: timeouts.idle, retries: upstream.retries)
  }

  /// What is about servers needs some, and each of them once: a share of the requests is a weight.
  private mutating func checkServers(_ upstream: UpstreamDraft, _ places: KeyPlaces) {
    if places.isWritten("builtin"), !places.isWritten("servers") {
      for name in ["resolve_every", "balance", "health", "max_connections", "queue"] where places.isWritten(name) {
        report(places.key(name), "\"\(name)\" beside \"builtin\"; it is about servers")
      }
      return
    }
    var addresses: Set<ServerAddress> = []
    for server in upstream.servers ?? [] where !addresses.insert(server.value.address).inserted {
      report(server.position, "another server has the same address; for a larger share give one a weight")
    }
    if upstream.queueMax > 0, upstream.connectionsMax == nil, places.areSound("max_connections") {
      report(places.key("queue"), "\"queue\" without \"max_connections\"; nothing would ever wait")
    }
  }
}

extension HealthConfiguration {
  /// nil where the path is missing, which has been reported.
  fileprivate init?(_ draft: HealthDraft) {
    guard let path = draft.path else { return nil }
    self.init(
      path: path, every: draft.every, timeout: draft.timeout, rise: draft.rise, fall: draft.fall,
      statuses: draft.statuses)
  }
}
