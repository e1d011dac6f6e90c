import HTTP

/// Counts failures to sign in, by account and by where they come from, in bounded memory (SECURITY C-11).
struct LoginThrottle {
  enum Admission: Equatable {
    case admitted
    /// Seconds until the next try has a chance.
    case refused(Int64)
  }

  /// Who tries, as whom.
  struct Attempt: Sendable {
    /// nil: of a machine, whose secret nobody guesses, or of a code of a provider's.
    let account: [UInt8]?
    /// nil: of a unix socket, which is counted by account alone.
    let source: Source?
    /// nil: of a unix socket.
    var address: IPAddress? { source?.address }

    /// - Parameter client: An IPv6 address counts with the /64 that its owner has all of.
    init(account: String, client: IPAddress?) {
      self.account = LoginThrottle.bounded(account)
      source = client.map { Source(address: $0.counted, machine: nil) }
    }

    /// Of a code, whoever it is of.
    init(client: IPAddress?) {
      account = nil
      source = client.map { Source(address: $0.counted, machine: nil) }
    }

    /// Of a machine, whom nobody is to shut out by trying: neither from another address nor as another machine.
    ///
    /// - Parameter machine: As it calls itself.
    init(machine: String, client: IPAddress?) {
      account = nil
      source = client.map { Source(address: $0.counted, machine: LoginThrottle.bounded(machine)) }
    }
  }

  /// Whose failures are counted together, whatever account they are of.
  struct Source: Hashable, Sendable {
    let address: IPAddress
    /// nil: of people, or of codes.
    let machine: [UInt8]?
  }

  /// Nobody has a longer name, and memory is bounded.
  private static func bounded(_ name: String) -> [UInt8] { Array(name.utf8.prefix(Limits.usernameBytesMax)) }

  /// What has failed as often as it may, with the try that has ended just now: in how many seconds the next one has a
  /// chance. nil: it has not, or had before.
  struct Reached: Equatable {
    var account: Int64?
    /// Of the address, or of the machine at it.
    var source: Int64?
  }

  private struct Failures {
    var count = 0
    /// Tries that have not ended.
    var underWay = 0
    /// When the first of them was, in seconds since 1970.
    var since: Int64
  }

  private var accounts: [[UInt8]: Failures] = [:]
  private var sources: [Source: Failures] = [:]
  private let rememberedMax: Int

  init(rememberedMax: Int = Limits.failuresRememberedMax) { self.rememberedMax = rememberedMax }

  /// Lets a try begin: each one that is admitted ends with `ended`.
  ///
  /// What is under way counts for the account too: else many tries at once would be many more than allowed.
  mutating func begin(_ attempt: Attempt, now: Int64) -> Admission {
    if let source = attempt.source {
      let failures = LoginThrottle.current(sources[source], now)
      if failures.count >= Limits.addressFailuresMax { return .refused(LoginThrottle.rest(failures, now)) }
    }
    guard let name = attempt.account else { return .admitted }
    var account = LoginThrottle.current(accounts[name], now)
    if account.count >= Limits.accountFailuresMax { return .refused(LoginThrottle.rest(account, now)) }
    if account.count + account.underWay >= Limits.accountFailuresMax { return .refused(1) }
    if accounts[name] == nil { LoginThrottle.makeRoom(in: &accounts, rememberedMax, now) }
    account.underWay += 1
    accounts[name] = account
    return .admitted
  }

  enum End { case succeeded, failed, notAttempted }

  /// - Returns: What is refused from now on: each once, when it begins.
  @discardableResult
  mutating func ended(_ attempt: Attempt, _ end: End, now: Int64) -> Reached {
    var reached = Reached()
    if end == .failed, let source = attempt.source {
      if sources[source] == nil { LoginThrottle.makeRoom(in: &sources, rememberedMax, now) }
      var failures = LoginThrottle.current(sources[source], now)
      failures.count += 1
      sources[source] = failures
      if failures.count == Limits.addressFailuresMax { reached.source = LoginThrottle.rest(failures, now) }
    }
    guard let name = attempt.account else { return reached }
    var account = LoginThrottle.current(accounts[name], now)
    account.underWay = max(0, account.underWay - 1)
    switch end {
    case .succeeded: account.count = 0
    case .notAttempted: break
    case .failed:
      account.count += 1
      if account.count == Limits.accountFailuresMax { reached.account = LoginThrottle.rest(account, now) }
    }
    accounts[name] = account.count == 0 && account.underWay == 0 ? nil : account
    return reached
  }

  private static func current(_ failures: Failures?, _ now: Int64) -> Failures {
    guard let failures else { return Failures(since: now) }
    if isOver(failures, now) { return Failures(underWay: failures.underWay, since: now) }
    return failures.count == 0 ? Failures(underWay: failures.underWay, since: now) : failures
  }

  /// A clock that was set back ends it too.
  private static func isOver(_ failures: Failures, _ now: Int64) -> Bool {
    now - failures.since >= Limits.failuresWithinSeconds || now < failures.since
  }

  private static func rest(_ failures: Failures, _ now: Int64) -> Int64 {
    max(1, failures.since + Limits.failuresWithinSeconds - now)
  }

  /// Forgets what is over; where that is nothing, those with the fewest failures, the oldest first: whoever fills the
  /// memory with names fails once with each.
  private static func makeRoom<Key: Hashable>(in table: inout [Key: Failures], _ most: Int, _ now: Int64) {
    guard table.count >= most else { return }
    table = table.filter { !isOver($0.value, now) || $0.value.underWay > 0 }
    guard table.count >= most else { return }
    let weak = table.filter { $0.value.underWay == 0 }
      .sorted { ($0.value.count, $0.value.since) < ($1.value.count, $1.value.since) }
    for entry in weak.prefix(max(1, most / 8)) { table[entry.key] = nil }
  }

  /// How many accounts or sources are remembered, whichever are more.
  var remembered: Int { max(accounts.count, sources.count) }
}
