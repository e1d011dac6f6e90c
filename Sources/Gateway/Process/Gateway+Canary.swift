import Configuration
import Logging
import Proxy
import Reason
import Sockets
import Telemetry

/// Going back by itself, where more requests are refused since a reload.
extension Gateway {
  /// Asks the loops for their counters from now on: whoever asks for a trial wants it compared with what was before.
  func startSampling() {
    control.schedule(after: RecentShares.every) { [unowned self] in
      startSampling()
      guard active.configuration.admin != nil else { return }
      collectShares { gateway, shares in
        gateway.judgeCanary(shares)
        gateway.canaryState.recent.add(shares, at: gateway.control.now)
      }
    }
  }

  /// Puts the configuration on trial that the loops have just been told of, where it or who had it taken asks for that.
  ///
  /// - Parameters:
  ///   - replaced: The one before it.
  ///   - isChanged: Whether it is another one.
  func beginCanary(replacing replaced: GatewayConfiguration, isChanged: Bool) {
    // Where that one was on trial too, nobody knows that it is any better.
    let last = canaryState.canary
    canaryState.canary = nil
    guard canaryState.takingBack == nil else { return }
    guard let duration = canaryState.asked ?? active.configuration.reload.canary else {
      if last != nil { giveUpCanary("the configuration asks for none") }
      return
    }
    guard isChanged || last != nil else {
      canaryState.asked = nil
      return
    }
    if let last, active.configuration.difference(from: last.previous).isEmpty {
      canaryState.asked = nil
      return giveUpCanary("the previous configuration is in force again")
    }
    let generation = active.generation
    let endsAt = isChanged ? control.now + duration : last?.endsAt ?? control.now
    canaryState.canary = Canary(previous: last?.previous ?? replaced, endsAt: endsAt)
    collectShares { gateway, shares in
      guard gateway.active.generation == generation else { return }
      let before = last?.comparison?.before ?? gateway.canaryState.recent.since(shares)
      gateway.canaryState.canary?.comparison = (before, shares)
    }
  }

  /// Begun ones count; nil: nothing is on trial.
  var canarySecondsLeft: Int64? {
    canaryState.canary.map { max(0, ($0.endsAt - control.now).wholeNanoseconds + 999_999_999) / 1_000_000_000 }
  }

  private func giveUpCanary(_ why: String) {
    log.notice("the trial was abandoned: \(why)", metadata: ["generation": "\(active.generation)"])
  }

  private func judgeCanary(_ shares: RefusalShares) {
    guard let canary = canaryState.canary, let before = canary.comparison?.before else { return }
    switch canary.verdict(shares, at: control.now) {
    case .undecided: break
    case .refusesMore(let excess): takeBack(canary, excess, shares, before)
    case .passed(let since, let hasCompared):
      canaryState.canary = nil
      canaryState.asked = nil
      let why = hasCompared ? "no more requests are refused than before" : "there were too few requests to compare"
      log.notice(
        "the configuration stays: \(why)",
        metadata: [
          "generation": "\(active.generation)", "requests": "\(since.requests)",
          "requests_before": "\(before.requests)",
        ])
    }
  }

  private func takeBack(
    _ canary: Canary, _ excess: RefusalShares.Excess, _ shares: RefusalShares, _ before: RefusalShares
  ) {
    // Then it is judged again with the next sample.
    guard !reloading.isGoingOn, !shutdown.hasBegun, control.now >= canary.takenBackFrom else { return }
    let (share, earlier) = (Gateway.percentage(excess.now), Gateway.percentage(excess.before))
    log.error(
      "more requests are refused than before: the configuration is rolled back",
      metadata: [
        "generation": "\(active.generation)", "reason": "\(excess.reason.rawValue)", "share": "\(share)",
        "share_before": "\(earlier)",
      ])
    canaryState.canary?.takenBackFrom = control.now + Gateway.takeBackPause
    canaryState.takingBack = TakingBack(
      because: "rolled back: \(excess.reason.rawValue) of \(share) of requests, \(earlier) before",
      from: active.configuration, shares: shares, before: before)
    beginReload()
    take(.success(canary.previous))
  }

  /// Where going back fails, as a file is gone, it is tried again after so long.
  private static let takeBackPause: Duration = .seconds(30)

  /// A reload has ended that goes back.
  ///
  /// - Parameter faults: What was wrong with it.
  /// - Returns: What operators are told is wrong.
  func tookBack(_ takingBack: TakingBack, _ faults: [String]) -> [String] {
    guard faults.isEmpty else {
      return faults + ["more requests are refused than before, and the previous configuration cannot be restored"]
    }
    canaryState.recent.forget(until: takingBack.shares, at: control.now, keeping: takingBack.before)
    watching.filesRefused = takingBack.from.filesRead
    // Else nobody would see that it was mended.
    watching.watchesRefused = takingBack.from.reload.isWatching
    canaryState.fileWasTakenBack = true
    return [takingBack.because]
  }

  /// - Parameter part: 0 to 1.
  private static func percentage(_ part: Double) -> String {
    let tenths = Int((part * 1000).rounded())
    return "\(tenths / 10).\(tenths % 10) %"
  }

  /// - Parameter completion: Called on this loop, once all others have said what they have counted.
  private func collectShares(_ completion: @escaping (Gateway, RefusalShares) -> Void) {
    canaryState.gatheringsBegun += 1
    let number = canaryState.gatheringsBegun
    canaryState.gatherings[number] = CanaryState.Gathering(loops: server.workerCount, completion: completion)
    server.collect { [bound] traffic in bound.async { $0.add(RefusalShares(traffic.counts), number) } }
  }

  private func add(_ shares: RefusalShares, _ number: Int) {
    guard var gathering = canaryState.gatherings.removeValue(forKey: number) else { return }
    gathering.shares.add(shares)
    gathering.loops -= 1
    guard gathering.loops == 0 else {
      canaryState.gatherings[number] = gathering
      return
    }
    gathering.completion(self, gathering.shares)
  }
}
