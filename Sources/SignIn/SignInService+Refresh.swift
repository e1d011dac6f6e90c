import Configuration
import HTTP
import JSON
import Reason
import State
import Tokens

/// Going on with a sign-in, and ending it.
extension SignInService {
  // MARK: refresh

  func refresh(_ request: LocalRequest, _ completion: @escaping Completion) {
    let address = request.client?.text ?? ""
    if request.mediaType == .json {
      guard request.origin != .foreign else {
        return completion(Answers.error(.accessDenied, "the page is of another site", .csrfRefused))
      }
      guard let token = request.json(["refresh_token"])?["refresh_token"]?.string else {
        return completion(
          Answers.error(.invalidRequest, "an object with refresh_token is needed", .signInRequestInvalid))
      }
      return use(token, address: address, deadline: request.deadline) { [self] in completion(answerJSON($0)) }
    }
    guard request.isOfOwnPage else {
      return completion(Answers.error(.accessDenied, "the page is of another site", .csrfRefused))
    }
    guard let token = request.cookie(configuration.cookies.refresh) else {
      return completion(Answers.error(.invalidGrant, "sign in again", .refreshRefused))
    }
    use(token, address: address, deadline: request.deadline) { [self] result in
      switch result {
      case .success(let issued):
        guard let cookies = cookies(for: issued) else {
          return endSignIn(issued.record.id) { [self] _ in
            completion(
              Answers.error(.serverError, nil, .cookieTooLarge, fields: clearedCookies.map { ("Set-Cookie", $0) }))
          }
        }
        completion(Answers.done(cookies: cookies))
      case .failure(.refused(let reason)):
        completion(
          Answers.error(.invalidGrant, "sign in again", reason, fields: clearedCookies.map { ("Set-Cookie", $0) }))
      case .failure: completion(answerJSON(result))
      }
    }
  }

  /// What a browser gets on the way to a page, where its access token is no longer good.
  public struct Renewed: Sendable {
    public let accessToken: [UInt8]
    /// Set-Cookie values.
    public let cookies: [String]
  }

  /// Until the browser comes back with what replaces its refresh token, that one stays good: it may have gone on to
  /// another page before it read this answer, which waits for the upstream's.
  ///
  /// - Parameters:
  ///   - address: The client's.
  ///   - completion: Called once, from anywhere; nil: the request is as good as without a refresh token.
  public func renew(_ token: [UInt8], address: String, completion: @escaping @Sendable (Renewed?) -> Void) {
    let deadline = ContinuousClock.now + Limits.refreshWithin
    guard state.requests.enter() else { return completion(nil) }
    onQueue { [self] in
      let text = String(decoding: token, as: UTF8.self)
      use(text, replacing: .onceSuccessorIsUsed, address: address, deadline: deadline) { [self] result in
        state.requests.leave()
        guard case .success(let issued) = result else { return completion(nil) }
        guard let cookies = cookies(for: issued) else { return endSignIn(issued.record.id) { _ in completion(nil) } }
        completion(Renewed(accessToken: issued.accessToken, cookies: cookies))
      }
    }
  }

  // MARK: logout

  func logOut(_ request: LocalRequest, _ completion: @escaping Completion) {
    var isEverywhere = false
    var refreshToken: String?
    var returnTo: String?
    switch request.mediaType {
    case .none: break
    case .json:
      guard let object = request.json(["refresh_token", "everywhere"]) else {
        return completion(Answers.error(.invalidRequest, "the body is malformed", .signInRequestInvalid))
      }
      switch object["everywhere"] {
      case nil: break
      case .bool(let truth)?: isEverywhere = truth
      default: return completion(Answers.error(.invalidRequest, "everywhere is true or false", .signInRequestInvalid))
      }
      refreshToken = object["refresh_token"]?.string
    case .form:
      guard let form = FormFields(request.body) else {
        return completion(Answers.error(.invalidRequest, "the form is malformed", .signInRequestInvalid))
      }
      isEverywhere = form.text("everywhere") == "true"
      returnTo = form.text("return_to").map { ReturnTo.checked($0) } ?? configuration.path + "/login"
    case .other: return completion(Answers.error(.invalidRequest, "the body is malformed", .signInRequestInvalid))
    }
    let goingOn = returnTo
    let everywhere = isEverywhere
    // Who brings a token in the request itself is no browser that was made to send this.
    if let token = request.bearerToken {
      switch verify(token) {
      case .success(let verified): end(Target(verified), everywhere, returnTo: goingOn, clears: false, completion)
      case .failure(let fault): completion(answer(fault))
      }
      return
    }
    if let refreshToken {
      return end(byRefreshToken: refreshToken, everywhere, returnTo: goingOn, clears: false, completion)
    }
    guard request.isOfOwnPage else {
      return completion(Answers.error(.accessDenied, "the page is of another site", .csrfRefused))
    }
    if let token = request.cookie(configuration.cookies.access),
      case .success(let verified) = verify([UInt8](token.utf8))
    {
      return end(Target(verified), everywhere, returnTo: goingOn, clears: true, completion)
    }
    if let token = request.cookie(configuration.cookies.refresh) {
      return end(byRefreshToken: token, everywhere, returnTo: goingOn, clears: true, completion)
    }
    // Nobody is signed in, which is what was asked for.
    completion(answerLoggedOut(returnTo: goingOn, clears: true))
  }

  /// What is to be ended.
  struct Target: Sendable {
    let signIn: String?
    let subject: String

    init(signIn: String, subject: String) {
      self.signIn = signIn
      self.subject = subject
    }

    init(_ token: VerifiedToken) {
      signIn = if case .string(let id)? = token.claim(Target.signInPath) { id } else { nil }
      subject = token.subject ?? ""
    }

    private static let signInPath = ClaimPath(name: "sid")
  }

  func verify(_ token: [UInt8]) -> Result<VerifiedToken, NotVerified> {
    tokens.verified(token, keys: state.keys, revocations: state.revocations, now: now)
  }

  /// The client learns that the token is not good, and the log why (SECURITY T-18).
  private func answer(_ fault: NotVerified) -> LocalResponse {
    Answers.error(
      .invalidToken, nil, fault.reason, status: 401,
      fields: [("WWW-Authenticate", "Bearer error=\"invalid_token\"")])
  }

  private func end(
    byRefreshToken text: String, _ isEverywhere: Bool, returnTo: String?, clears: Bool,
    _ completion: @escaping Completion
  ) {
    endSignIn(byRefreshToken: text) { [self] result in
      switch result {
      case .failure: completion(SignInService.unavailable)
      case .success(nil): completion(answerLoggedOut(returnTo: returnTo, clears: clears))
      case .success(let record?):
        if isEverywhere {
          let target = Target(signIn: record.id, subject: record.subject)
          return end(target, true, returnTo: returnTo, clears: clears, completion)
        }
        report(.signedOut(subject: record.subject, count: 1))
        completion(answerLoggedOut(returnTo: returnTo, clears: clears))
      }
    }
  }

  private func end(
    _ target: Target, _ isEverywhere: Bool, returnTo: String?, clears: Bool, _ completion: @escaping Completion
  ) {
    if isEverywhere {
      return endAll(of: target.subject) { [self] count in
        guard let count else { return completion(SignInService.unavailable) }
        report(.signedOut(subject: target.subject, count: count))
        completion(answerLoggedOut(returnTo: returnTo, clears: clears))
      }
    }
    // A machine's token is of no sign-in.
    guard let id = target.signIn else { return completion(answerLoggedOut(returnTo: returnTo, clears: clears)) }
    endSignIn(id) { [self] isDone in
      guard isDone else { return completion(SignInService.unavailable) }
      report(.signedOut(subject: target.subject, count: 1))
      completion(answerLoggedOut(returnTo: returnTo, clears: clears))
    }
  }

  static var unavailable: LocalResponse {
    Answers.error(.temporarilyUnavailable, nil, .signInUnavailable, fields: [("Retry-After", "5")])
  }

  private func answerLoggedOut(returnTo: String?, clears: Bool) -> LocalResponse {
    let cookies = clears ? clearedCookies : []
    return returnTo.map { Answers.goOn(at: $0, cookies: cookies) } ?? Answers.done(cookies: cookies)
  }

  // MARK: me

  func showIdentity(_ request: LocalRequest, _ completion: Completion) {
    guard let token = token(of: request) else {
      return completion(Answers.error(.invalidToken, "no token", .credentialMissing))
    }
    let verified: VerifiedToken
    switch verify(token) {
    case .success(let token): verified = token
    case .failure(let fault): return completion(answer(fault))
    }
    var members: [JSONObject.Member] = []
    for name in SignInService.shownClaims {
      guard let value = verified.claim(ClaimPath(name: name)) else { continue }
      members.append(JSONObject.Member(name: name, value: JSONValue(value)))
    }
    completion(Answers.object(members))
  }

  private static let shownClaims = [
    "sub", "preferred_username", "client_id", "roles", "permissions", "scope", "exp", "auth_time",
  ]
}
