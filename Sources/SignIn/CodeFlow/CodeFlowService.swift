public import Configuration
import Crypto
public import HTTP
public import OAuth
import Reason
import Sockets
public import State
import Synchronization
public import Tokens

/// Answers everything under a provider's `code_flow.path`, and says who a session's cookie is of.
///
/// Nothing of it happens on a loop that carries requests: it has a queue of its own, the store another, and the provider
/// is asked from the control loop.
public final class CodeFlowService: Responder, Sendable {
  typealias Completion = @Sendable (LocalResponse) -> Void
  /// Has all loops refuse sessions with these ids, and calls back when they have been told.
  public typealias EndSessions = @Sendable (_ ids: [String], _ done: @escaping @Sendable () -> Void) -> Void

  let provider: String
  let configuration: CodeFlowConfiguration
  /// Of what routes are told: the provider's, but for what is about tokens in requests.
  let policy: TokenPolicy
  let client: OAuthClient
  let certificateAuthorityFile: String?
  let sealing: SealingSecret
  let store: any SessionStore
  let access: ProviderAccess
  let authorization: AuthorizationRequest
  let idTokens: IDTokenVerifier
  let logoutTokens: LogoutTokenVerifier
  let endSessions: EndSessions
  /// Sessions that are being renewed, and who waits for each.
  let renewals = Mutex<[[UInt8]: [@Sendable (IntrospectionResult) -> Void]]>([:])
  /// Of this configuration: with another secret a provider may renew at once what it refused a moment ago.
  let renewalPauses = Mutex(RenewalPauses())
  private let revocations = Mutex(Revocations())
  private let clock: @Sendable () -> UnixSeconds
  private let report: @Sendable (CodeFlowEvent) -> Void
  private let failures = Mutex<[FailureKind: FaultReport]>([:])
  /// By reason, of which there are a few: one that anybody can provoke hides no other.
  private let refusedCallbacks = Mutex<[CallbackFault: FaultReport]>([:])
  /// How often operators hear of each of these at most.
  private let saidEvery: Duration
  let memory: CodeFlowMemory
  private let requests = SharesUnderWay<IPAddress>(most: Limits.requestsMax, share: Limits.addressRequestsMax)
  /// The provider's own requests: browsers that wait for it do not keep it from ending sessions.
  private let providerLogouts = SharesUnderWay<IPAddress>(most: Limits.requestsMax, share: Limits.requestsMax)
  let lookUps = SharesUnderWay<IPAddress>(most: Limits.lookUpsMax, share: Limits.addressLookUpsMax)
  private let queue = SerialQueue(name: "code flow")

  /// Reads the secret that seals what browsers keep; makes it at the first start. Blocks.
  ///
  /// - Parameters:
  ///   - policy: The provider's.
  ///   - memory: The same one for each configuration of the provider.
  ///   - clock: Seconds since 1970.
  ///   - verified: Told of each token of the provider's that is good.
  public convenience init(
    _ configuration: CodeFlowConfiguration, _ policy: TokenPolicy, client: OAuthClient,
    certificateAuthorityFile: String?, store: any SessionStore, memory: CodeFlowMemory, access: ProviderAccess,
    clock: @escaping @Sendable () -> UnixSeconds, end: @escaping EndSessions,
    verified: @escaping @Sendable (VerifiedToken) -> Void = { _ in },
    report: @escaping @Sendable (CodeFlowEvent) -> Void
  ) throws(SealingFault) {
    self.init(
      configuration, policy, client: client, certificateAuthorityFile: certificateAuthorityFile,
      sealing: try SealingFile.open(SealingFile.path(of: policy.provider, configuration)), store: store,
      memory: memory, access: access, clock: clock, end: end, verified: verified,
      saidEvery: Limits.saidEvery, report: report)
  }

  /// Looks at the secret that seals what browsers keep as the gateway reads it; makes none. Blocks.
  ///
  /// - Throws: Where a gateway could not start with it.
  public static func checkSealing(of provider: String, _ configuration: CodeFlowConfiguration) throws(SealingFault) {
    try SealingFile.check(SealingFile.path(of: provider, configuration))
  }

  /// - Parameters:
  ///   - sealing: What seals what browsers keep.
  ///   - saidEvery: How often operators hear of failures at most.
  init(
    _ configuration: CodeFlowConfiguration, _ policy: TokenPolicy, client: OAuthClient,
    certificateAuthorityFile: String?, sealing: SealingSecret, store: any SessionStore, memory: CodeFlowMemory,
    access: ProviderAccess, clock: @escaping @Sendable () -> UnixSeconds, end: @escaping EndSessions,
    verified: @escaping @Sendable (VerifiedToken) -> Void, saidEvery: Duration,
    report: @escaping @Sendable (CodeFlowEvent) -> Void
  ) {
    self.sealing = sealing
    self.saidEvery = saidEvery
    provider = policy.provider
    self.configuration = configuration
    self.client = client
    self.certificateAuthorityFile = certificateAuthorityFile
    self.store = store
    self.memory = memory
    self.access = access
    self.clock = clock
    self.report = report
    endSessions = end
    authorization = AuthorizationRequest(
      clientID: configuration.clientID, redirectURI: configuration.redirectURI, scopes: configuration.scopes)
    idTokens = IDTokenVerifier(policy, clientID: configuration.clientID, verified: verified)
    logoutTokens = LogoutTokenVerifier(policy, clientID: configuration.clientID, verified: verified)
    var policy = policy
    policy.audiences = .oneOf([configuration.clientID])
    policy.ageMaxSeconds = nil
    policy.tried?.audiences = nil
    policy.tried?.ageMaxSeconds = nil
    self.policy = policy
  }

  var now: UnixSeconds { clock() }

  /// Takes what routes refuse although it verifies: nobody whom it names begins a session, and no word of the provider's
  /// counts that a key of it has signed.
  public func take(_ revocations: Revocations) { self.revocations.withLock { $0 = revocations } }

  var inForce: Revocations { revocations.withLock { $0 } }

  func isRevoked(_ claims: ClaimsSet) -> Bool {
    inForce.kind(revoking: claims, keyID: nil) != nil
  }

  /// Answers a request for a path under `code_flow.path`; with 503 where too many are in progress. `completion` is
  /// called once, from any thread.
  public func respond(to request: LocalRequest, completion: @escaping @Sendable (LocalResponse) -> Void) {
    let isOfProvider = request.method == "POST" && request.path == configuration.path + "/backchannel-logout"
    let counted = isOfProvider ? providerLogouts : requests
    let sender = request.client?.counted
    guard counted.enter(sender) else {
      return completion(request.method == "GET" ? page(.loginBusy, request) : EndpointResponses.busy)
    }
    queue.async { [self] in
      answer(request) { response in
        counted.leave(sender)
        completion(response)
      }
    }
  }

  /// Runs `body` on the queue: what comes back from elsewhere goes on there.
  func onQueue(_ body: @escaping @Sendable () -> Void) { queue.async(body) }

  private func answer(_ request: LocalRequest, _ completion: @escaping Completion) {
    guard request.path.hasPrefix(configuration.path + "/") else {
      return completion(EndpointResponses.notFound(request))
    }
    let expected: String
    switch CodeFlowPage(rawValue: String(request.path.dropFirst(configuration.path.utf8.count + 1))) {
    case .login:
      expected = "GET"
      if request.method == expected { return begin(request, completion) }
    case .callback:
      expected = "GET"
      if request.method == expected { return comeBack(request, completion) }
    case .logout:
      expected = "POST"
      if request.method == expected { return logOut(request, completion) }
    case .backchannelLogout:
      expected = "POST"
      if request.method == expected { return logOutByProvider(request, completion) }
    case nil: return completion(EndpointResponses.notFound(request))
    }
    completion(EndpointResponses.notAllowed(request, expected))
  }

  // MARK: What operators hear

  func say(_ event: CodeFlowEvent) { report(event) }

  func storeFailed(_ fault: StoreFault) {
    if let count = memory.storeFaults.count(fault) { report(.storeFailed(fault.description, count: count)) }
  }

  /// A flood of them is one line every few seconds.
  ///
  /// - Parameter isOfRenewal: Whether somebody is signed in, and it is about whether they stay so.
  func failed(_ fault: CodeFlowFault, ofRenewal isOfRenewal: Bool = false) {
    let kind = FailureKind(isOwn: fault.reason == .internalError, isOfRenewal: isOfRenewal)
    let said = failures.withLock { reports in
      reports[kind, default: FaultReport(pause: saidEvery)].happened(at: .current)
    }
    guard let count = said else { return }
    report(
      isOfRenewal
        ? .renewalFailed(why: fault.description, count: count) : .failed(why: fault.description, count: count))
  }

  private struct FailureKind: Hashable {
    /// The gateway's own: the provider's, of which somebody may make many, do not hide them.
    let isOwn: Bool
    let isOfRenewal: Bool
  }

  /// As of `failed`.
  func refused(_ fault: CallbackFault, _ request: LocalRequest) {
    let said = refusedCallbacks.withLock { reports in
      reports[fault, default: FaultReport(pause: saidEvery)].happened(at: .current)
    }
    if let count = said { report(.callbackRefused(fault, count: count, lastFrom: request.clientAddress)) }
  }

  // MARK: Pages

  func page(
    _ reason: Reason, _ request: LocalRequest, returnTo: String = "/", stepUp: StepUp? = nil, cookies: [String] = [],
    retryAfterSeconds: Int64? = nil
  ) -> LocalResponse {
    let beginning = AuthorizationRequest.add(
      [("return_to", returnTo)] + (stepUp?.parameters ?? []), to: configuration.path + "/login")
    return FlowPage.response(
      reason, request, tryAgain: beginning, cookies: cookies, retryAfterSeconds: retryAfterSeconds)
  }
}

extension CodeFlowFault {
  /// What the browser is told.
  var reason: Reason {
    switch self {
    // RFC 6749 §4.1.2.1: a browser cannot be answered 500 or 503 by way of a redirect.
    case .refused("server_error"), .refused("temporarily_unavailable"): .providerUnavailable
    case .refused: .providerRefused
    case .authenticationInsufficient: .authenticationInsufficient
    case .revoked, .endedMeanwhile: .tokenRevoked
    case .token(_, let error) where error.reason == .internalError: .internalError
    // No keys yet is no fault of the token.
    case .token(.identity, let error) where error.reason == .keysUnavailable: .providerUnavailable
    case .token(.identity, _), .tokenRefused(.identity, _), .idTokenMissing: .idTokenRefused
    case .token(.logout, _), .tokenRefused(.logout, _): .logoutTokenRefused
    case .crypto: .internalError
    case .fetch, .client, .discovery, .status, .responseMalformed, .endpoint, .tooManyWaiting,
      .userinfoOfAnother:
      .providerUnavailable
    }
  }
}
