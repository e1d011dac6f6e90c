import Access
import Configuration
import Crypto
import HTTP
import Keys
import Reason
import Sockets
import TLS
import Telemetry
import Tokens

/// What comes to a loop from outside: keys, answers, another configuration, the end.
extension Worker {
  /// New keys; who waited for them is decided again. Who waits for another provider's goes on to wait.
  func update(keys: KeySnapshot) {
    let changed = keys.providers.map(\.generation) != context.keys.providers.map(\.generation)
    take(keys)
    if changed { lookAtTunnelsLater() }
    resume(exchanges { $0.isWaiting(for: keys) })
  }

  /// Not at once: an issuer's caches may say now the old keys and now the new ones, and a request with a key that is not
  /// there has them fetched again too.
  private func lookAtTunnelsLater() {
    guard !isKeyLookPending else { return }
    isKeyLookPending = true
    loop.schedule(after: Limits.tunnelKeyGrace) { [unowned self] in
      isKeyLookPending = false
      endTunnelsWithoutKey()
    }
  }

  /// Ends tunnels whose token would not be believed any more: there is no request after this one that would find out.
  private func endTunnelsWithoutKey() {
    refreshClock()
    for slot in slots where slot.exchange.state == .tunnelling {
      if let reason = context.refusal(byKeysOf: slot.exchange.log.identity) { slot.connection?.cut(reason) }
    }
  }

  private func take(_ keys: KeySnapshot) {
    context.keys = keys
    context.signatures.forgetKeys()
  }

  private typealias Waiting = (slot: ExchangeSlot, generation: UInt64)

  private func exchanges(where isWaiting: (Exchange) -> Bool) -> [Waiting] {
    slots.filter { $0.connection != nil && isWaiting($0.exchange) }.map { ($0, $0.exchange.generation) }
  }

  private func resume(_ exchanges: [Waiting]) {
    for (slot, generation) in exchanges { resume(slot, generation) }
  }

  /// What a provider says of a credential: who asked is decided again, unless it has gone, or asks another configuration's
  /// provider by now.
  func introspected(_ question: IntrospectionQuestion, _ result: IntrospectionResult) {
    guard question.configuration == context.active.generation else { return }
    // A session's store is nearer than an issuer, and asked anew.
    if case .token(let token) = question.credential, let reason = result.refusal,
      let introspection = context.active.configuration.providers[question.provider].introspection
    {
      refreshClock()
      context.refusedTokens.insert(
        token.span, provider: question.provider, reason, now: context.unixSeconds,
        seconds: introspection.cacheSeconds)
    }
    let slot = slots[question.slot]
    guard !question.isOfTunnel else {
      refreshClock()
      if slot.exchange.isTunnel(question.exchange), let reason = context.refusal(ofTunnelOf: slot.exchange, by: result)
      {
        slot.connection?.cut(reason)
      }
      return tunnelQuestions.answered()
    }
    guard slot.exchange.generation == question.exchange, slot.exchange.isWaitingForIntrospection else { return }
    slot.exchange.introspected(result)
    resume(slot, question.exchange)
  }

  /// Something else is revoked: requests find out when they come, tunnels never would.
  func update(revocations: RevocationSnapshot) {
    context.revocations = revocations
    for slot in tunnelIdentities.tunnels(standingOn: revocations.news) {
      if let reason = revocations.refusal(of: slot.exchange.log.identity) { slot.connection?.cut(reason) }
    }
  }

  /// Decides the exchange of that generation again, where it still waits.
  func resume(_ slot: ExchangeSlot, _ generation: UInt64) {
    guard slot.exchange.generation == generation, slot.exchange.isUndecided, let connection = slot.connection else {
      return
    }
    connection.disarmDeadline()
    connection.decideAgain()
  }

  /// A new configuration for requests from now on. Pools whose definition is the same stay, with their connections.
  func update(
    active: ActiveConfiguration, keys: KeySnapshot, tls: [TLSContext?], clientsGenerations: [Int],
    upstreams: [UpstreamSnapshot]
  ) {
    self.tls = tls
    if clientsGenerations != self.clientsGenerations {
      self.clientsGenerations = clientsGenerations
      for list in deadlines.reading {
        for entry in list.entries { (entry as? ClientConnection)?.endIfOutdated() }
      }
    }
    let old = pools
    pools = upstreams.map { upstream in
      guard let pool = old.first(where: { $0.state === upstream.state }) else {
        return UpstreamPool(upstream, offset: index, loop: loop, idleTogether: idleUpstreams)
      }
      pool.update(servers: upstream.servers)
      return pool
    }
    for pool in old where !pools.contains(where: { $0 === pool }) { pool.retire() }
    // Where `max_connections` was raised, there is room for some of those who wait.
    for limit in pools.compactMap(\.state.limit) {
      while let next = limit.admitNext() { others.giveTurn(next, limit) }
    }
    let rules = context.active.certificateRules
    context.active = active
    tunnelQuestions.forgetQuestions()
    accessLog.keepsSpans = active.traceSampling != nil
    if counts == nil, active.configuration.isCounted {
      counts = TrafficCounts()
      context.countsTokens = true
    }
    endTunnelsOfCertificates(knownBy: rules)
    deadlines = deadlines.updated(active.configuration.timeouts, on: loop)
    take(keys)
    endTunnelsWithoutKey()
    // Providers may have changed places: all are decided anew, and may wait anew.
    let waiting = exchanges { $0.isWaitingForKeys || $0.isWaitingForIntrospection }
    for (slot, _) in waiting { slot.exchange.reconsider() }
    resume(waiting)
  }

  /// Ends tunnels of those whom other authorities vouch for by now, or other rules know: there is no request after this
  /// one that would find out. On a connection that nobody would be let in with any more it ends whoever it is.
  private func endTunnelsOfCertificates(knownBy rules: [String: CertificateRule]) {
    for slot in slots where slot.exchange.state == .tunnelling {
      guard let connection = slot.connection else { continue }
      if isLetInNoMore(connection, slot.exchange.log.identity, knownBy: rules) { connection.cut(.certificateRefused) }
    }
  }

  /// Whether a reload has changed what let a client in, or the rules that its certificate is known by.
  ///
  /// - Parameter rules: Those by which it was decided.
  func isLetInNoMore(
    _ connection: ClientConnection, _ identity: Identity, knownBy rules: @autoclosure () -> [String: CertificateRule]
  ) -> Bool {
    if connection.isOutdated { return true }
    guard case .certificate(let identity) = identity else { return false }
    let provider = identity.claims.provider
    return context.active.certificateRules[provider] != rules()[provider]
  }

  /// The pool that a reload has put in the place of `pool`: who is believed since then counts for requests that waited
  /// too. nil where the upstream is gone, or is another for its limit.
  func successor(of pool: UpstreamPool) -> UpstreamPool? {
    pools.first {
      $0.state.configuration.name == pool.state.configuration.name && $0.state.limit === pool.state.limit
    }
  }

  /// An upstream has other servers.
  func update(servers: [ServerState], of upstream: UpstreamState) {
    pools.first { $0.state === upstream }?.update(servers: servers)
  }

  /// Accepts what waits already and no more; idle connections close, the others after their exchange.
  ///
  /// - Parameter drained: Called once, when the last connection has closed.
  func drain(_ drained: @escaping () -> Void) {
    endAccepting()
    stage = .draining
    self.drained = drained
    for list in deadlines.reading {
      for entry in list.entries { (entry as? ClientConnection)?.drain() }
    }
    tellWhenDrained()
  }

  /// Accepts what waits already and no more, and ends the exchanges that are still under way. Requests that have come and
  /// were not begun are refused, so that nobody whose connection was accepted is left without an answer.
  func endExchanges() {
    endAccepting()
    stage = .ending
    for slot in slots { slot.connection?.endExchange() }
    for list in deadlines.reading + [deadlines.linger] {
      for entry in list.entries { (entry as? ClientConnection)?.endReading(.drainTimeout) }
    }
  }

  private func endAccepting() {
    for listener in listeners { listener.stop() }
    listeners = []
  }

  func tellWhenDrained() {
    guard isDraining, openConnections == 0, let drained else { return }
    self.drained = nil
    drained()
  }
}
