import Sockets

/// Which failures to sign in operators are told of: at once that an account or an address has reached its bound, and of
/// failures now and then how many they were.
///
/// Bounded in memory and in lines, whatever is tried: made-up names take no line from users that there are, nor any of
/// them from addresses, nor made-up programs or many failures from any of these.
struct AttemptReports {
  private var failures: FaultReport
  /// Of the last failure.
  private var last: (username: String?, address: String) = (nil, "")
  private var users: LineBudget
  private var strangers: LineBudget
  private var addresses: LineBudget
  private var programs: LineBudget

  /// Lines of each kind within a pause.
  static let linesMax = 20

  /// - Parameter pause: How often operators hear of failures at most.
  init(pause: Duration) {
    failures = FaultReport(pause: pause)
    users = LineBudget(most: AttemptReports.linesMax, pause: pause)
    strangers = users
    addresses = users
    programs = users
  }

  /// A try has failed, or was refused.
  ///
  /// - Parameter username: Of a user that there is: what was typed may be a password.
  mutating func failed(_ username: String?, from address: String, at now: MonotonicTime) -> SignInEvent? {
    last = (username, address)
    return failures.happened(at: now).map { .failures(count: $0, lastOf: username, address: address) }
  }

  /// With a failure something has reached its bound.
  ///
  /// - Parameters:
  ///   - username: As of `failed`.
  ///   - ofPrograms: Whether it was a program's secret.
  mutating func reached(
    _ reached: LoginThrottle.Reached, _ username: String?, from address: String, ofPrograms: Bool = false,
    at now: MonotonicTime
  ) -> [SignInEvent] {
    var events: [SignInEvent] = []
    if let seconds = reached.account, username == nil ? strangers.spend(at: now) : users.spend(at: now) {
      events.append(.throttled(.account, username: username, address: address, seconds: seconds))
    }
    if let seconds = reached.source, ofPrograms ? programs.spend(at: now) : addresses.spend(at: now) {
      let limit: SignInEvent.Limit = ofPrograms ? .program : .address
      events.append(.throttled(limit, username: nil, address: address, seconds: seconds))
    }
    return events
  }

  /// What was left out until now, and may be said.
  mutating func leftOut(at now: MonotonicTime) -> [SignInEvent] {
    var events: [SignInEvent] = []
    if let count = failures.leftOut(at: now) {
      events.append(.failures(count: count, lastOf: last.username, address: last.address))
    }
    let accounts = users.takeLeftOut(at: now) + strangers.takeLeftOut(at: now)
    let addresses = self.addresses.takeLeftOut(at: now) + programs.takeLeftOut(at: now)
    if accounts + addresses > 0 { events.append(.moreThrottled(accounts: accounts, addresses: addresses)) }
    return events
  }
}
