import Configuration
import Crypto
import HTTP
import Sockets
import Synchronization
import Tokens

/// Whether a password is somebody's.
extension SignInService {
  enum Authentication: Sendable {
    case user(User)
    case failed
    /// Seconds until the next try has a chance.
    case throttled(Int64)
    case busy
  }

  /// Checks a password, on a queue for that. Whoever is unknown costs what a known one does (SECURITY C-11).
  func authenticate(
    _ username: String, _ password: [UInt8], _ request: LocalRequest,
    _ completion: @escaping @Sendable (Authentication) -> Void
  ) {
    let attempt = LoginThrottle.Attempt(account: username, client: request.client)
    let address = request.clientAddress
    let users = state.users
    let user = users.user(named: username)
    let admission = state.throttle.withLock { $0.begin(attempt, now: now) }
    if case .refused(let seconds) = admission {
      reportFailure(of: user?.username, from: address)
      return completion(.throttled(seconds))
    }
    let failed = { @Sendable [self] in
      let reached = state.throttle.withLock { $0.ended(attempt, .failed, now: now) }
      reportFailure(of: user?.username, from: address)
      reportAll(
        state.attempts.withLock { $0.reached(reached, user?.username, from: address, at: .current) })
      completion(.failed)
    }
    let known = user.flatMap { $0.isDisabled ? nil : $0 }
    let (all, unmatched) = (users.users, state.unmatched)
    guard
      let hash = known?.passwordHash
        ?? SignInService.anybodysHash(for: username, of: all.count, { all[$0].passwordHash }, or: unmatched)
    else { return failed() }
    let busy = { @Sendable [self] in
      _ = state.throttle.withLock { $0.ended(attempt, .notAttempted, now: now) }
      completion(.busy)
    }
    let isTaken = passwords.submit(for: request.client) { [self] turn in
      guard turn == .inTime else { return onQueue(busy) }
      let isRight = hash.matches(password.span)
      onQueue { [self] in
        guard isRight, let known else { return failed() }
        _ = state.throttle.withLock { $0.ended(attempt, .succeeded, now: now) }
        completion(.user(known))
      }
    }
    if !isTaken { busy() }
  }

  private func reportFailure(of username: String?, from address: String) {
    if let event = state.attempts.withLock({ $0.failed(username, from: address, at: .current) }) { report(event) }
  }

  func reportAll(_ events: [SignInEvent]) {
    for event in events { report(event) }
  }

  /// Says what was left out of failures to sign in, once it may be said: to be called every few seconds, or it would be
  /// said with the next failure only.
  public func reportLeftOut() {
    reportAll(state.attempts.withLock { $0.leftOut(at: .current) })
  }

  /// What a password or a secret is compared with in vain: somebody's hash, always the same one for a name, so that it
  /// takes as long as those of the file do.
  ///
  /// - Parameters:
  ///   - count: How many there are.
  ///   - hash: That of each of them.
  ///   - unmatched: Given where there are none.
  static func anybodysHash(
    for name: String, of count: Int, _ hash: (Int) -> PasswordHash, or unmatched: PasswordHash?
  ) -> PasswordHash? {
    guard count > 0 else { return unmatched }
    let place = nameHashing.hash([UInt8](name.utf8).span)
    return hash(Int(place % UInt64(count))).matchingNone
  }

  private static let nameHashing = SeededHash()
}
