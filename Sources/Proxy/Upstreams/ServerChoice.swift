import Configuration
import Sockets
import Synchronization

/// Chooses the server of a request, on one loop.
struct ServerChoice {
  private let balance: UpstreamConfiguration.Balance
  /// How long a server that was ejected has to answer the request that probes it.
  private let probeTimeout: Duration
  /// Where a row of equals begins: loops begin at different servers.
  private var first: Int
  private var random: SplitMix64

  /// - Parameter offset: The loop's number.
  init(_ balance: UpstreamConfiguration.Balance, offset: Int, probeTimeout: Duration) {
    self.balance = balance
    self.probeTimeout = probeTimeout
    first = offset
    random = SplitMix64(seed: .random(in: 0 ... .max))
  }

  /// A server that is not down and, where there is one, neither ejected nor attempted before.
  ///
  /// Where all that are left are ejected they are asked all the same: a request that may fail is better than one that
  /// must.
  ///
  /// - Parameter attempted: Those that this request has failed on.
  /// - Returns: nil where all are down.
  mutating func choose(
    from servers: [UpstreamServer], attempted: [ServerState], now: MonotonicTime
  ) -> UpstreamServer? {
    guard servers.count > 1 else { return servers.first { !$0.state.isDown.load(ordering: .relaxed) } }
    var best = Tier.down
    for server in servers {
      let tier = ServerChoice.tier(of: server.state, attempted)
      // Not with a request that has failed already: its next failure may be its last.
      if tier == .ejected, attempted.isEmpty, server.state.ejection.mayProbe(now, within: probeTimeout) {
        return server
      }
      best = max(best, tier)
    }
    guard best > .down else { return nil }
    // What other loops say may change meanwhile: any that is not down will do then.
    return pick(from: servers) { ServerChoice.tier(of: $0.state, attempted) == best }
      ?? servers.first { !$0.state.isDown.load(ordering: .relaxed) }
  }

  private enum Tier: Int, Comparable {
    case down, attempted, ejected, good

    static func < (left: Tier, right: Tier) -> Bool { left.rawValue < right.rawValue }
  }

  private static func tier(of server: ServerState, _ attempted: [ServerState]) -> Tier {
    if server.isDown.load(ordering: .relaxed) { return .down }
    if !attempted.isEmpty, attempted.contains(where: { $0 === server }) { return .attempted }
    return server.ejection.isEjected ? .ejected : .good
  }

  private mutating func pick(
    from servers: [UpstreamServer], where isCandidate: (UpstreamServer) -> Bool
  ) -> UpstreamServer? {
    switch balance {
    case .roundRobin: return nextInTurn(servers, isCandidate)
    case .leastRequests:
      var best: UpstreamServer?
      first = (first &+ 1) & Int.max
      for index in servers.indices {
        let server = servers[(first % servers.count + index) % servers.count]
        guard isCandidate(server) else { continue }
        if let current = best, !ServerChoice.isLess(server, than: current) { continue }
        best = server
      }
      return best
    case .randomTwo:
      guard let one = draw(servers, isCandidate) else { return nil }
      guard let other = draw(servers, { $0 !== one && isCandidate($0) }) else { return one }
      return ServerChoice.isLess(other, than: one) ? other : one
    }
  }

  /// Whether `left` would have fewer requests for its weight with one more.
  private static func isLess(_ left: UpstreamServer, than right: UpstreamServer) -> Bool {
    (left.state.requestsInFlight + 1) * right.state.weight < (right.state.requestsInFlight + 1) * left.state.weight
  }

  /// In turn, and evenly: with weights 2 and 1 a, b, a and not a, a, b (smooth weighted round robin).
  private func nextInTurn(
    _ servers: [UpstreamServer], _ isCandidate: (UpstreamServer) -> Bool
  ) -> UpstreamServer? {
    var best: UpstreamServer?
    var total = 0
    for index in servers.indices {
      let server = servers[(first % servers.count + index) % servers.count]
      guard isCandidate(server) else { continue }
      server.credit += server.state.weight
      total += server.state.weight
      if let current = best, current.credit >= server.credit { continue }
      best = server
    }
    best?.credit -= total
    return best
  }

  /// One at random, as often as its weight says.
  private mutating func draw(
    _ servers: [UpstreamServer], _ isCandidate: (UpstreamServer) -> Bool
  ) -> UpstreamServer? {
    var total = 0
    for server in servers where isCandidate(server) { total += server.state.weight }
    guard total > 0 else { return nil }
    var rest = Int.random(in: 0..<total, using: &random)
    for server in servers where isCandidate(server) {
      rest -= server.state.weight
      if rest < 0 { return server }
    }
    return nil
  }
}

/// Random numbers that nobody has to be unable to guess, without a system call.
private struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
