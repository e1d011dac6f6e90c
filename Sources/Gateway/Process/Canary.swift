import Configuration
import Sockets
import Telemetry

/// Whether the configuration in force is on trial, and what there is to compare it with.
struct CanaryState {
  /// nil: it is not.
  var canary: Canary?
  /// nil: a reload takes another configuration, or none goes on.
  var takingBack: TakingBack?
  /// How long a trial was asked for beside what the file says: of further reloads too, until one has ended well.
  var asked: Duration?
  /// Whether a rollback has left a file that differs from the configuration in force, so that a restart would load it
  /// again.
  var fileWasTakenBack = false
  var recent = RecentShares(from: .current)
  /// What the loops are being asked, by a number.
  var gatherings: [Int: Gathering] = [:]
  var gatheringsBegun = 0

  struct Gathering {
    /// Loops that have not answered.
    var loops: Int
    /// What the others have said.
    var shares = RefusalShares()
    let completion: (Gateway, RefusalShares) -> Void
  }
}

/// A configuration on trial: what was refused before it, and which one to go back to.
struct Canary {
  /// The last one that was not on trial.
  let previous: GatewayConfiguration
  let endsAt: MonotonicTime
  /// Before, it is not taken back: that has just failed.
  var takenBackFrom = MonotonicTime(nanoseconds: 0)
  /// What was counted before it, and the counters when it was taken; nil: not all loops have said.
  var comparison: (before: RefusalShares, atBeginning: RefusalShares)?

  enum Verdict: Equatable {
    /// There is nothing to compare with yet, or its time is not over.
    case undecided
    case refusesMore(RefusalShares.Excess)
    /// Its time is over.
    ///
    /// - Parameters:
    ///   - since: What was counted in it.
    ///   - hasCompared: Whether there were enough requests to tell.
    case passed(since: RefusalShares, hasCompared: Bool)
  }

  /// What the counters say of it now.
  func verdict(_ shares: RefusalShares, at now: MonotonicTime) -> Verdict {
    guard let (before, atBeginning) = comparison else { return .undecided }
    let since = shares.since(atBeginning)
    if let excess = since.excess(over: before) { return .refusesMore(excess) }
    guard now >= endsAt else { return .undecided }
    return .passed(
      since: since, hasCompared: min(before.requests, since.requests) >= RefusalShares.requestsMin)
  }
}

/// Going back to the configuration before.
struct TakingBack {
  /// For people.
  let because: String
  /// The one that was on trial.
  let from: GatewayConfiguration
  /// The counters when it was decided, and what was counted before the trial.
  let shares: RefusalShares
  let before: RefusalShares
}

/// What the counters said in the last ten minutes, for something to compare with.
struct RecentShares {
  private var samples: [(at: MonotonicTime, shares: RefusalShares)]
  /// What was counted before a configuration that was taken back; nil: none was.
  private var beforeCanary: RefusalShares?

  /// How often they are asked.
  static let every: Duration = .seconds(5)
  private static let kept: Duration = .seconds(600)

  /// - Parameter start: When the counters were at zero: what came before the first sample counts too.
  init(from start: MonotonicTime) { samples = [(start, RefusalShares())] }

  mutating func add(_ shares: RefusalShares, at now: MonotonicTime) {
    samples.append((now, shares))
    // The one before stays, so that there are ten minutes to compare with.
    while samples.count > 2, now - samples[1].at > RecentShares.kept { samples.removeFirst() }
  }

  /// Begins anew: what was counted in a trial that failed is no measure, and what was before it is.
  mutating func forget(until shares: RefusalShares, at now: MonotonicTime, keeping before: RefusalShares) {
    samples = [(now, shares)]
    beforeCanary = before
  }

  /// What was counted until `now`. Soon after a failed trial it is what was before that: the same configuration may be
  /// tried again at once.
  func since(_ now: RefusalShares) -> RefusalShares {
    let since = now.since(samples[0].shares)
    if let beforeCanary, since.requests < RefusalShares.requestsMin { return beforeCanary }
    return since
  }
}
