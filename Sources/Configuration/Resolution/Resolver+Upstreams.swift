extension Resolver {
  /// nil after a report.
  mutating func resolveUpstream(_ named: Named<UpstreamDraft>) -> UpstreamConfiguration? {
    let upstream = named.body.value
    let places = named.body.places
    if places.isWritten("servers"), places.isWritten("builtin") {
      report(places.key("builtin"), "\"builtin\" together with \"servers\"; an upstream is one or the other")
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
      idleTimeout: timeouts.idle, retries: upstream.retries, tls: resolveTLS(upstream, places))
  }

  /// What is about servers needs some, and each of them once: a share of the requests is a weight.
  private mutating func checkServers(_ upstream: UpstreamDraft, _ places: KeyPlaces) {
    if places.isWritten("builtin"), !places.isWritten("servers") {
      for name in [
        "resolve_every", "balance", "health", "timeouts", "retries", "max_connections", "queue", "tls",
      ]
      where places.isWritten(name) {
        report(places.key(name), "\"\(name)\" together with \"builtin\"; it applies to servers")
      }
      return
    }
    var addresses: Set<ServerAddress> = []
    for server in upstream.servers ?? [] where !addresses.insert(server.value.address).inserted {
      report(server.position, "another server has the same address; for a larger share give one a weight")
    }
    for server in upstream.servers ?? [] {
      for listener in draft.listeners ?? [] {
        guard let own = listener.value.address?.value, own.isReached(at: server.value.address) else { continue }
        report(
          server.position,
          "this leads back to the gateway's own listener \(own.written); give the route the intended upstream")
      }
    }
    if upstream.queueMax > 0, upstream.connectionsMax == nil, places.areSound("max_connections") {
      report(places.key("queue"), "\"queue\" without \"max_connections\"; nothing would ever wait")
    }
  }

  private mutating func resolveTLS(_ upstream: UpstreamDraft, _ places: KeyPlaces) -> UpstreamTLSConfiguration {
    guard let tls = upstream.tls else { return UpstreamTLSConfiguration() }
    if let servers = upstream.servers, places.areSound("servers"), servers.allSatisfy({ $0.value.securedHost == nil }) {
      report(places.key("tls"), "\"tls\" without a server that speaks it; write https:// before its host")
    }
    for (name, other) in [("certificate", "key"), ("key", "certificate")]
    where tls.places.isWritten(name) && tls.places.isMissing(other) {
      report(tls.places.key(name), "\"\(name)\" without \"\(other)\"")
    }
    for file in [tls.value.authorities, tls.value.certificate] {
      if let file { _ = checkFile(file) }
    }
    if let key = tls.value.key { checkPrivateKey(key) }
    var configuration = UpstreamTLSConfiguration(
      authorities: tls.value.authorities.map { NamedFile($0) }, serverName: tls.value.serverName)
    if let certificate = tls.value.certificate, let key = tls.value.key {
      configuration.certificate = UpstreamTLSConfiguration.Certificate(
        chain: NamedFile(certificate), key: NamedFile(key))
    }
    return configuration
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
