import Configuration
import Logging
import Proxy
import Reason
import Sockets
import Telemetry

/// Going back by itself, where more requests are refused since a reload.
extension Gateway {
  /// Asks the loops for their counters from now on, while a configuration wants to be compared with the next.
  func startSampling() {
    control.schedule(after: RecentShares.every) { [unowned self] in
      startSampling()
      guard active.configuration.reload.canary != nil || canary != nil else { return }
      collectShares { gateway, shares in
        gateway.judgeCanary(shares)
        gateway.recentShares.add(shares, at: gateway.control.now)
      }
    }
  }

  /// Puts the configuration on trial that the loops have just been told of, where it asks for it.
  ///
  /// - Parameter replaced: The one before it.
  func beginCanary(replacing replaced: GatewayConfiguration) {
    // Where that one was on trial too, nobody knows that it is any better.
    let last = canary
    canary = nil
    guard takenBackBecause == nil, let duration = active.configuration.reload.canary else { return }
    let generation = active.generation
    canary = Canary(previous: last?.previous ?? replaced, endsAt: control.now + duration)
    collectShares { gateway, shares in
      guard gateway.active.generation == generation else { return }
      gateway.canary?.comparison = (last?.comparison?.before ?? gateway.recentShares.since(shares), shares)
    }
  }

  private func judgeCanary(_ shares: RefusalShares) {
    guard let canary, let (before, atBeginning) = canary.comparison else { return }
    let since = shares.since(atBeginning)
    if let excess = since.excess(over: before) { return takeBack(canary, excess, shares, before) }
    guard control.now >= canary.endsAt else { return }
    self.canary = nil
    let hasCompared = min(before.requests, since.requests) >= RefusalShares.requestsMin
    let why = hasCompared ? "no more requests are refused than before" : "there were too few requests to compare"
    log.notice(
      "the configuration stays: \(why)",
      metadata: [
        "generation": "\(active.generation)", "requests": "\(since.requests)", "requests_before": "\(before.requests)",
      ])
  }

  private func takeBack(
    _ canary: Canary, _ excess: RefusalShares.Excess, _ shares: RefusalShares, _ before: RefusalShares
  ) {
    // Then it is judged again with the next sample.
    guard !isReloading, !isDraining else { return }
    self.canary = nil
    recentShares.forget(until: shares, at: control.now, keeping: before)
    let (share, earlier) = (Gateway.percentage(excess.now), Gateway.percentage(excess.before))
    log.error(
      "the configuration is taken back: more requests are refused than before",
      metadata: [
        "generation": "\(active.generation)", "reason": "\(excess.reason.rawValue)", "share": "\(share)",
        "share_before": "\(earlier)",
      ])
    takenBackBecause =
      "taken back: \(excess.reason.rawValue) of \(share) of requests, \(earlier) before; the one before is in force again"
    beginReload()
    take(.success(canary.previous))
  }

  /// - Parameter part: 0 to 1.
  private static func percentage(_ part: Double) -> String {
    let tenths = Int((part * 1000).rounded())
    return "\(tenths / 10).\(tenths % 10) %"
  }

  /// - Parameter completion: Called on this loop, once all others have said what they have counted.
  private func collectShares(_ completion: @escaping (Gateway, RefusalShares) -> Void) {
    guard let bound else { return }
    sharesGathered += 1
    let number = sharesGathered
    sharesMissing[number] = (server.workerCount, RefusalShares(), completion)
    server.collect { traffic in bound.async { $0.add(RefusalShares(traffic.counts), number) } }
  }

  private func add(_ shares: RefusalShares, _ number: Int) {
    guard var gathering = sharesMissing.removeValue(forKey: number) else { return }
    gathering.shares.add(shares)
    gathering.loops -= 1
    guard gathering.loops == 0 else {
      sharesMissing[number] = gathering
      return
    }
    gathering.completion(self, gathering.shares)
  }
}
