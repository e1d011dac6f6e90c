public import Configuration
import Crypto
public import HTTP
import JSON
import Reason
import Sockets
import State
import Synchronization
public import Tokens

/// Answers everything under a provider's `sign_in.path`, and renews what browsers hold.
///
/// Nothing of it happens on a loop: requests are taken to a queue of its own, passwords are checked on others, and the
/// store has its own. One is made for each configuration; `SignInState` is what lasts.
public final class SignInService: Responder, Sendable {
  typealias Completion = @Sendable (LocalResponse) -> Void

  let provider: String
  let configuration: SignInConfiguration
  let tokens: AccessTokens
  let loginPage: LoginPage
  let passwordPage: PasswordPage
  let state: SignInState
  let passwords: PasswordWork
  let report: @Sendable (SignInEvent) -> Void
  private let queue: SerialQueue
  private let end: EndTokens
  private let clock: @Sendable () -> UnixSeconds

  /// Has all loops refuse tokens of these sign-ins, and calls back when they have been told.
  public typealias EndTokens = @Sendable (_ ids: [String], _ done: @escaping @Sendable () -> Void) -> Void

  /// nil where OpenSSL fails.
  ///
  /// - Parameter clock: Seconds since 1970.
  public init?(
    _ configuration: SignInConfiguration, _ policy: TokenPolicy, state: SignInState, passwords: PasswordWork,
    clock: @escaping @Sendable () -> UnixSeconds, end: @escaping EndTokens,
    report: @escaping @Sendable (SignInEvent) -> Void
  ) {
    guard let brand = try? BrandedPage(configuration) else { return nil }
    loginPage = LoginPage(path: configuration.path, brand: brand)
    passwordPage = PasswordPage(path: configuration.path, brand: brand)
    provider = policy.provider
    self.configuration = configuration
    tokens = AccessTokens(policy: policy, lifetimeSeconds: configuration.lifetimeSeconds)
    self.state = state
    self.passwords = passwords
    self.clock = clock
    self.end = end
    self.report = report
    queue = state.queue
  }

  var now: UnixSeconds { clock() }

  func storeFailed(_ fault: StoreFault) {
    if let count = state.storeFaults.count() { report(.storeFailed(fault.description, count: count)) }
  }

  /// Says why a request is refused with `internal_error`: a flood of them is one line every few seconds.
  func failed(_ why: String) {
    if let count = state.failures.withLock({ $0.happened(at: .current) }) { report(.failed(why: why, count: count)) }
  }

  /// Of access tokens.
  public var lifetimeSeconds: Int64 { configuration.lifetimeSeconds }
  /// How long a token that is made now may still be let in.
  public var tokenSecondsMax: Int64 { configuration.lifetimeSeconds + tokens.policy.leewaySeconds }

  public func respond(to request: LocalRequest, completion: @escaping @Sendable (LocalResponse) -> Void) {
    // Verifiers elsewhere need it also while many sign in.
    if request.path == configuration.path + "/jwks.json" { return answer(request, completion) }
    guard request.body.count <= Limits.bodyBytesMax else {
      return completion(EndpointResponses.error(.invalidRequest, "the body is too large", .signInRequestInvalid))
    }
    // A flood of them must not cost the loops the threads of the queue besides.
    if let response = busyResponse(to: request) { return completion(response) }
    let sender = request.client?.counted
    guard state.requests.enter(sender) else { return completion(EndpointResponses.busy) }
    queue.async { [self] in
      answer(request) { [state] response in
        state.requests.leave(sender)
        completion(response)
      }
    }
  }

  /// The busy response, if the queue for checking passwords and secrets is full; nil if the request may proceed.
  private func busyResponse(to request: LocalRequest) -> LocalResponse? {
    guard request.method == "POST" else { return nil }
    let isLogin = request.path == configuration.path + "/login"
    guard isLogin || request.path == configuration.path + "/token", passwords.isFull(for: request.client) else {
      return nil
    }
    return isLogin ? busyLogin(request) : EndpointResponses.busy
  }

  /// Runs `body` on the queue: what comes back from elsewhere goes on there.
  func onQueue(_ body: @escaping @Sendable () -> Void) { queue.async(body) }

  private func answer(_ request: LocalRequest, _ completion: @escaping Completion) {
    guard request.path.hasPrefix(configuration.path + "/") else {
      return completion(EndpointResponses.notFound(request))
    }
    let isReading = request.method == "GET" || request.method == "HEAD"
    let isPosting = request.method == "POST"
    switch request.path.dropFirst(configuration.path.utf8.count + 1) {
    case "login":
      if isReading { return showLogin(request, completion) }
      if isPosting { return logIn(request, completion) }
      completion(EndpointResponses.notAllowed("GET, HEAD, POST"))
    case "refresh": post(request, completion) { $0.refresh(request, completion) }
    case "logout": post(request, completion) { $0.logOut(request, completion) }
    case "password":
      if isReading { return showPasswordPage(request, completion) }
      if isPosting { return changePassword(request, completion) }
      completion(EndpointResponses.notAllowed("GET, HEAD, POST"))
    case "token": post(request, completion) { $0.issueToClient(request, completion) }
    case "me":
      guard isReading else { return completion(EndpointResponses.notAllowed("GET, HEAD")) }
      showIdentity(request, completion)
    case "jwks.json":
      completion(PublishedDocument.answer(to: request, IssuerKey.published(state.keys), .keySet))
    default: completion(EndpointResponses.notFound(request))
    }
  }

  private func post(_ request: LocalRequest, _ completion: Completion, _ body: (SignInService) -> Void) {
    if request.method == "POST" {
      body(self)
    } else {
      completion(EndpointResponses.notAllowed("POST"))
    }
  }

  // MARK: Sign-ins

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

  /// The same response, whose access line names its sender.
  ///
  /// - Parameter subject: Of a credential that was good; nil: there was none.
  func answer(_ response: LocalResponse, to subject: String?) -> LocalResponse {
    response.naming(subject, of: provider)
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

  private func refreshTerms(_ replacement: RefreshTerms.Replacement) -> RefreshTerms {
    RefreshTerms(
      graceSeconds: Limits.graceSeconds, idleSeconds: configuration.idleSeconds, tokenSeconds: tokenSecondsMax,
      replacement: replacement)
  }

  private func secondsLeft(of record: SignInRecord) -> Int64 {
    min(configuration.lifetimeSeconds, record.expiresAt - now)
  }

  private func goOn(
    _ record: SignInRecord, _ refreshToken: String?, address: String,
    _ completion: @escaping @Sendable (Result<Issued, Fault>) -> Void
  ) {
    guard let user = state.users.user(id: record.subject), isStillGood(record) else {
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
  func isStillGood(_ record: SignInRecord) -> Bool {
    if isGood(record, in: state.users) { return true }
    // Another process may have changed the file, and have told the store, since it was looked at here.
    lookAtUsers(allowsDemo: state.users.isDemo)
    return isGood(record, in: state.users)
  }

  /// As `isStillGood`, where somebody may have changed the file within the last second and ended all sign-ins then: what
  /// was ended before this one began is in the store, and what the file said before that is read now.
  func isGoodByNow(_ record: SignInRecord) -> Bool {
    lookAtUsers(allowsDemo: state.users.isDemo)
    return isGood(record, in: state.users)
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

  /// Ends what a refresh token is of, in the store and on every loop.
  ///
  /// - Parameter completion: Given what went on until now; nil: nothing did.
  func endSignIn(
    byRefreshToken text: String, _ completion: @escaping @Sendable (Result<EndedByToken?, Fault>) -> Void
  ) {
    let named: RefreshToken?
    do throws(CryptoError) {
      named = try RefreshToken(text)
    } catch {
      failed(error.description)
      return completion(.failure(.failed))
    }
    guard let token = named else { return completion(.success(nil)) }
    state.store.end(hash: token.hash, provider: provider, now: now, terms: refreshTerms(.atOnce)) { [self] result in
      onQueue { [self] in
        switch result {
        case .success(let ended?): end([ended.record.id]) { completion(.success(ended)) }
        case .success(nil): completion(.success(nil))
        case .failure(let fault):
          storeFailed(fault)
          completion(.failure(.unavailable))
        }
      }
    }
  }

  /// A user has another password: all of their sign-ins end but `kept`. Where the store fails, those end at their next
  /// refresh.
  ///
  /// - Parameter completion: Given whether they have ended; called once, when that is tried no more.
  func endOthers(
    of subject: String, than kept: String?, digest: [UInt8], tries: Int = Limits.storeTries,
    _ completion: @escaping @Sendable (Bool) -> Void
  ) {
    state.store.changePassword(subject: subject, provider: provider, digest: digest, kept: kept, now: now) {
      [self] result in
      onQueue { [self] in
        switch result {
        case .success(let ids): end(ids) { completion(true) }
        case .failure(let fault):
          storeFailed(fault)
          guard tries > 1 else { return completion(false) }
          endOthers(of: subject, than: kept, digest: digest, tries: tries - 1, completion)
        }
      }
    }
  }

  /// Ends a sign-in, in the store and on every loop.
  ///
  /// - Parameter completion: Given whether it could be done.
  func endSignIn(_ id: String, _ completion: @escaping @Sendable (Bool) -> Void) {
    state.store.end(id: id, provider: provider, now: now) { [self] result in
      onQueue { [self] in
        guard case .success = result else {
          if case .failure(let fault) = result { storeFailed(fault) }
          return completion(false)
        }
        end([id]) { completion(true) }
      }
    }
  }

  /// Ends all sign-ins of a user.
  ///
  /// - Parameter completion: Given how many there were; nil: it could not be done.
  func endAll(of subject: String, _ completion: @escaping @Sendable (Int?) -> Void) {
    state.store.endAll(subject: subject, provider: provider, now: now) { [self] result in
      onQueue { [self] in
        switch result {
        case .success(let ids): end(ids) { completion(ids.count) }
        case .failure(let fault):
          storeFailed(fault)
          completion(nil)
        }
      }
    }
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
