public import Configuration
public import HTTP
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
  let end: EndTokens
  private let clock: @Sendable () -> UnixSeconds

  /// Has all loops refuse tokens of these sign-ins, and calls back when they have been told.
  public typealias EndTokens = @Sendable (_ ids: [String], _ done: @escaping @Sendable () -> Void) -> Void

  /// nil if OpenSSL fails.
  ///
  /// - Parameters:
  ///   - state: The same one for each configuration of the provider.
  ///   - passwords: Where passwords are checked, shared by all providers.
  ///   - clock: Seconds since 1970.
  ///   - end: Called for sign-ins that have ended.
  ///   - report: Called with what operators want to know, from any thread.
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
    if let count = state.storeFaults.count(fault) { report(.storeFailed(fault.description, count: count)) }
  }

  /// Says why a request is refused with `internal_error`: a flood of them is one line every few seconds.
  func failed(_ why: String) {
    if let count = state.failures.withLock({ $0.happened(at: .current) }) { report(.failed(why: why, count: count)) }
  }

  /// How long an access token is valid.
  public var lifetimeSeconds: Int64 { configuration.lifetimeSeconds }
  /// How long a token that is issued now may still be accepted, with the leeway.
  public var tokenSecondsMax: Int64 { configuration.lifetimeSeconds + tokens.policy.leewaySeconds }

  /// Answers a request for a path under `sign_in.path`; with 503 where too many are in progress. `completion` is called
  /// once, from any thread.
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

  /// As `onQueue`, once `delay` has passed.
  func onQueue(after delay: Duration, _ body: @escaping @Sendable () -> Void) { queue.async(after: delay, body) }

  private func answer(_ request: LocalRequest, _ completion: @escaping Completion) {
    guard request.path.hasPrefix(configuration.path + "/") else {
      return completion(EndpointResponses.notFound(request))
    }
    let isReading = request.method == "GET" || request.method == "HEAD"
    let isPosting = request.method == "POST"
    switch SignInPage(rawValue: String(request.path.dropFirst(configuration.path.utf8.count + 1))) {
    case .login:
      if isReading { return showLogin(request, completion) }
      if isPosting { return logIn(request, completion) }
      completion(EndpointResponses.notAllowed("GET, HEAD, POST"))
    case .refresh: post(request, completion) { $0.refresh(request, completion) }
    case .logout: post(request, completion) { $0.logOut(request, completion) }
    case .password:
      if isReading { return showPasswordPage(request, completion) }
      if isPosting { return changePassword(request, completion) }
      completion(EndpointResponses.notAllowed("GET, HEAD, POST"))
    case .token: post(request, completion) { $0.issueToClient(request, completion) }
    case .me:
      guard isReading else { return completion(EndpointResponses.notAllowed("GET, HEAD")) }
      showIdentity(request, completion)
    case .keys:
      completion(PublishedDocument.answer(to: request, IssuerKey.published(state.keys), .keySet))
    case nil: completion(EndpointResponses.notFound(request))
    }
  }

  private func post(_ request: LocalRequest, _ completion: Completion, _ body: (SignInService) -> Void) {
    if request.method == "POST" {
      body(self)
    } else {
      completion(EndpointResponses.notAllowed("POST"))
    }
  }

  /// The same response, whose access line names its sender.
  ///
  /// - Parameter subject: Of a credential that was good; nil: there was none.
  func answer(_ response: LocalResponse, to subject: String?) -> LocalResponse {
    response.naming(subject, of: provider)
  }
}
