import Configuration
import Crypto
import HTTP
import Reason
import State
import Tokens

/// Beginning sign-ins and going on with them: the tokens that come of it.
extension SignInService {
  /// The tokens issued at sign-in or refresh.
  struct Issued: Sendable {
    /// How long the access token is good.
    let seconds: Int64
    let record: SignInRecord
    let user: User
    let accessToken: [UInt8]
    /// nil where another one has been given out.
    let refreshToken: String?
  }

  enum Fault: Error, Sendable {
    case refused(Reason)
    /// It came too late, and nothing is changed.
    case busy
    case unavailable
    /// The gateway failed, and has said so.
    case failed
  }

  /// Begins a sign-in of `user`, who has shown who they are.
  func begin(
    _ user: User, _ request: LocalRequest, methods: [String],
    _ completion: @escaping @Sendable (Result<Issued, Fault>) -> Void
  ) {
    let now = now
    guard !state.keys.isEmpty else {
      failed(TokenNotMade.noKey.description)
      return completion(.failure(.failed))
    }
    let (id, refreshToken, former): ([UInt8], RefreshToken, RefreshToken?)
    do throws(CryptoError) {
      id = try RandomBytes.make(16)
      refreshToken = try RefreshToken.first()
      former = if let text = request.cookie(configuration.cookies.refresh) { try RefreshToken(text) } else { nil }
    } catch {
      failed(error.description)
      return completion(.failure(.failed))
    }
    let record = SignInRecord(
      id: Base64URL.text(id), provider: provider, subject: user.id, methods: methods, authenticatedAt: now,
      lastUsedAt: now, expiresAt: now + configuration.refreshSeconds,
      tokensUntil: now + tokenSecondsMax, clientAddress: request.clientAddress,
      userAgent: SignInService.userAgent(request), passwordDigest: user.passwordHash.digest)
    state.store.begin(record, hash: refreshToken.hash, former: former?.hash) { [self] result in
      onQueue { [self] in
        switch result {
        case .failure(let fault):
          storeFailed(fault)
          completion(.failure(.unavailable))
        case .success(let ended):
          guard !ended.isEmpty else { return issue(record, to: user, refreshToken, completion) }
          // What it has ended is refused by the time that it is answered, as at logout.
          end(ended) { [self] in onQueue { [self] in issue(record, to: user, refreshToken, completion) } }
        }
      }
    }
  }

  /// Gives out the tokens of a sign-in that has begun.
  private func issue(
    _ record: SignInRecord, to user: User, _ refreshToken: RefreshToken,
    _ completion: @escaping @Sendable (Result<Issued, Fault>) -> Void
  ) {
    // Whoever changed the password, or disabled the user, while this one was checked, wants them out.
    guard isGoodByNow(record) else {
      return endSignIn(record.id) { _ in completion(.failure(.refused(.loginFailed))) }
    }
    do throws(TokenNotMade) {
      guard let key = state.keys.first else { throw .noKey }
      let now = now
      let accessToken = try tokens.token(of: user, signIn: record, now: now, key: key)
      // What routes would refuse, as a revoked user's, would lead a browser back to the login page.
      if let reason = tokens.refusal(ofIssued: accessToken, by: key, revocations: state.revocations, now: now) {
        return endSignIn(record.id) { _ in completion(.failure(.refused(reason))) }
      }
      completion(
        .success(
          Issued(
            seconds: secondsLeft(of: record), record: record, user: user, accessToken: accessToken,
            refreshToken: refreshToken.text)))
    } catch {
      failed(error.description)
      endSignIn(record.id) { _ in completion(.failure(.failed)) }
    }
  }

  /// Uses a refresh token.
  func use(
    _ text: String, replacing replacement: RefreshTerms.Replacement = .atOnce, address: String,
    deadline: ContinuousClock.Instant, _ completion: @escaping @Sendable (Result<Issued, Fault>) -> Void
  ) {
    let token: RefreshToken
    let next: RefreshToken
    do throws(CryptoError) {
      guard let known = try RefreshToken(text) else { return completion(.failure(.refused(.refreshRefused))) }
      token = known
      next = try known.next()
    } catch {
      failed(error.description)
      return completion(.failure(.failed))
    }
    state.store.refresh(
      hash: token.hash, provider: provider, replacement: next.hash.whole, now: now,
      terms: refreshTerms(replacement), deadline: deadline
    ) { [self] result in
      onQueue { [self] in
        switch result {
        case .failure(let fault):
          storeFailed(fault)
          completion(.failure(.unavailable))
        case .success(.rotated(let record)): goOn(record, next.text, address: address, completion)
        case .success(.repeated(let record)): goOn(record, nil, address: address, completion)
        case .success(.reused(let record)):
          report(.refreshReused(subject: record.subject, id: record.id, address: address))
          end([record.id]) { completion(.failure(.refused(.refreshReused))) }
        case .success(.refused): completion(.failure(.refused(.refreshRefused)))
        case .success(.abandoned): completion(.failure(.busy))
        }
      }
    }
  }

  func refreshTerms(_ replacement: RefreshTerms.Replacement) -> RefreshTerms {
    RefreshTerms(
      graceSeconds: Limits.graceSeconds, idleSeconds: configuration.idleSeconds, tokenSeconds: tokenSecondsMax,
      replacement: replacement)
  }

  private func secondsLeft(of record: SignInRecord) -> Int64 {
    min(configuration.lifetimeSeconds, record.expiresAt - now)
  }

  private func goOn(
    _ record: SignInRecord, _ refreshToken: String?, address: String, waits: Int = 3,
    _ completion: @escaping @Sendable (Result<Issued, Fault>) -> Void
  ) {
    guard let user = users(goodFor: record)?.user(id: record.subject) else {
      // What is half-written may lack anybody, and a sign-in that has ended stays so.
      if waits > 0, !UsersWatcher.hasRested(path: configuration.users.path) {
        return onQueue(after: .seconds(1)) { [self] in
          goOn(record, refreshToken, address: address, waits: waits - 1, completion)
        }
      }
      report(.disabledEnded(subject: record.subject, id: record.id, address: address))
      return endSignIn(record.id) { _ in completion(.failure(.refused(.refreshRefused))) }
    }
    let accessToken: [UInt8]
    do throws(TokenNotMade) {
      guard let key = state.keys.first else { throw .noKey }
      accessToken = try tokens.token(of: user, signIn: record, now: now, key: key)
    } catch {
      failed(error.description)
      return completion(.failure(.failed))
    }
    completion(
      .success(
        Issued(
          seconds: secondsLeft(of: record), record: record, user: user, accessToken: accessToken,
          refreshToken: refreshToken)))
  }

  /// Whether its user or machine is there, not disabled, and has the password or secret that it was begun with.
  func isStillGood(_ record: SignInRecord) -> Bool { users(goodFor: record) != nil }

  /// Those in which they are.
  private func users(goodFor record: SignInRecord) -> UsersFile? {
    let users = state.users
    if isGood(record, in: users) { return users }
    // Another process may have changed the file, and have told the store, since it was looked at here.
    let byNow = usersByNow()
    return isGood(record, in: byNow) ? byNow : nil
  }

  /// As `isStillGood`, where somebody may have changed the file within the last second and ended all sign-ins then: what
  /// was ended before this one began is in the store, and what the file said before that is read now.
  func isGoodByNow(_ record: SignInRecord) -> Bool {
    isGood(record, in: usersByNow())
  }

  private func isGood(_ record: SignInRecord, in users: UsersFile) -> Bool {
    guard let digest = SignInService.digest(of: record.subject, in: users) else { return false }
    return ConstantTime.areEqual(digest.span, record.passwordDigest.span)
      || ConstantTime.areEqual(digest.span, record.nextPasswordDigest.span)
  }

  /// Of the password or secret that counts now; nil: nobody of that id may sign in.
  private static func digest(of subject: String, in users: UsersFile) -> [UInt8]? {
    if let user = users.user(id: subject) { return user.isDisabled ? nil : user.passwordHash.digest }
    return users.client(id: subject).flatMap { $0.isDisabled ? nil : $0.secretHash.digest }
  }

  static func userAgent(_ request: LocalRequest) -> String {
    let text = request.text("user-agent") ?? ""
    var kept = String.UnicodeScalarView()
    var bytes = 0
    for scalar in text.unicodeScalars {
      bytes += UTF8.width(scalar)
      if bytes > Limits.userAgentBytesMax { break }
      kept.append(scalar)
    }
    return String(kept)
  }
}
