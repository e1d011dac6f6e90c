import Configuration
import Sockets
import Telemetry

/// A configuration on trial: what was refused before it, and which one to go back to.
struct Canary {
  /// The last one that was not on trial.
  let previous: GatewayConfiguration
  let endsAt: MonotonicTime
  /// What was counted before it, and the counters when it was taken; nil: not all loops have said.
  var comparison: (before: RefusalShares, atBeginning: RefusalShares)?
}

/// What the counters said in the last ten minutes, for something to compare with.
struct RecentShares {
  private var samples: [(at: MonotonicTime, shares: RefusalShares)] = []

  /// How often they are asked.
  static let every: Duration = .seconds(5)
  private static let kept: Duration = .seconds(600)

  mutating func add(_ shares: RefusalShares, at now: MonotonicTime) {
    samples.append((now, shares))
    // The one before stays, so that there are ten minutes to compare with.
    while samples.count > 2, now - samples[1].at > RecentShares.kept { samples.removeFirst() }
  }

  /// Begins anew: what was counted until now is no measure.
  mutating func forget(until shares: RefusalShares, at now: MonotonicTime) { samples = [(now, shares)] }

  /// What was counted until `now`; since the process began, where nobody has asked before.
  func since(_ now: RefusalShares) -> RefusalShares { now.since(samples.first?.shares ?? RefusalShares()) }
}
