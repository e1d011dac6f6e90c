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
    guard let kind = resolveBuiltin(named.body) ?? upstream.servers.map(UpstreamConfiguration.Kind.servers)
    else { return nil }
    let timeouts = upstream.timeouts.value
    return UpstreamConfiguration(
      name: named.name, kind: kind, connectTimeout: timeouts.connect, responseTimeout: timeouts.response,
      idleTimeout: timeouts.idle, retries: upstream.retries)
  }
}
