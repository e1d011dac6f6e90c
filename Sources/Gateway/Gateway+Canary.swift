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
    guard takingBack == nil, let duration = active.configuration.reload.canary else { return }
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
    guard !isReloading, !isDraining, control.now >= canary.takenBackFrom else { return }
    let (share, earlier) = (Gateway.percentage(excess.now), Gateway.percentage(excess.before))
    log.error(
      "more requests are refused than before: the configuration is taken back",
      metadata: [
        "generation": "\(active.generation)", "reason": "\(excess.reason.rawValue)", "share": "\(share)",
        "share_before": "\(earlier)",
      ])
    self.canary?.takenBackFrom = control.now + Gateway.takeBackPause
    takingBack = TakingBack(
      because: "taken back: \(excess.reason.rawValue) of \(share) of requests, \(earlier) before",
      from: active.configuration, shares: shares, before: before)
    beginReload()
    take(.success(canary.previous))
  }

  /// Where going back fails, as a file is gone, it is tried again after so long.
  private static let takeBackPause: Duration = .seconds(30)

  /// A reload has ended that goes back.
  func tookBack(_ takingBack: TakingBack) {
    guard reloadFaults.isEmpty else {
      reloadFaults.append("more requests are refused than before, and the configuration before cannot be taken again")
      return
    }
    reloadFaults = [takingBack.because]
    recentShares.forget(until: takingBack.shares, at: control.now, keeping: takingBack.before)
    filesRefused = takingBack.from.filesRead
    // Else nobody would see that it was mended.
    watchesRefused = takingBack.from.reload.isWatching
    fileWasTakenBack = true
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
