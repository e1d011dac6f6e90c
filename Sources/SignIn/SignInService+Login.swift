import Configuration
import Crypto
import HTTP
import JSON
import Reason
import State
import Tokens

/// Signing in: the page, its form, and the JSON side.
extension SignInService {
  // MARK: The page

  /// Who is still signed in, and has only an access token that is no longer good, goes on at once with a new one. Where
  /// their access token is good they were sent here because of something else, and would be again.
  func showLogin(_ request: LocalRequest, _ completion: @escaping Completion) {
    let query = FormFields(query: request.query)
    let returnTo = ReturnTo.checked(query?.text("return_to"))
    // Beside an access cookie that comes twice a new one would be no use (SECURITY C-2).
    guard request.isNavigation, !request.repeatsCookie(configuration.cookies.access),
      let token = request.cookie(configuration.cookies.refresh),
      !(request.cookie(configuration.cookies.access).map { isGood([UInt8]($0.utf8)) } ?? false)
    else { return completion(loginPage(request, returnTo: returnTo)) }
    let address = request.clientAddress
    use(token, replacing: .onceSuccessorIsUsed, address: address, deadline: request.deadline) { [self] result in
      // One that would be refused where they go on would lead them here again, without end.
      guard case .success(let issued) = result, isGood(issued.accessToken), let cookies = cookies(for: issued) else {
        return completion(loginPage(request, returnTo: returnTo))
      }
      completion(answer(EndpointResponses.goOn(at: returnTo, cookies: cookies), to: issued.record.subject))
    }
  }

  private func isGood(_ token: [UInt8]) -> Bool {
    if case .success = verify(token) { true } else { false }
  }

  private func loginPage(
    _ request: LocalRequest, returnTo: String, status: Int = 200, message: LoginPage.Message? = nil,
    username: String = "", fields: [(name: String, value: String)] = [], reason: Reason? = nil
  ) -> LocalResponse {
    guard let token = formToken(request) else { return EndpointResponses.error(.serverError, nil, .internalError) }
    return loginPage.response(
      status: status, message: message, username: username, returnTo: returnTo, csrf: token.text,
      cookies: [token.cookie], fields: fields, reason: reason)
  }

  // MARK: What comes of it

  func logIn(_ request: LocalRequest, _ completion: @escaping Completion) {
    switch request.mediaType {
    case .form: logInByForm(request, completion)
    case .json: logInByJSON(request, completion)
    case .none, .other:
      completion(EndpointResponses.notTaken(request, members: SignInService.loginMembers))
    }
  }

  private func logInByForm(_ request: LocalRequest, _ completion: @escaping Completion) {
    guard let form = FormFields(request.body) else {
      return completion(EndpointResponses.error(.invalidRequest, "the form is malformed", .signInRequestInvalid))
    }
    let returnTo = ReturnTo.checked(form.text("return_to"))
    guard isOfOwnForm(request, form) else {
      return completion(
        loginPage(request, returnTo: returnTo, status: 403, message: .outdated, reason: .csrfRefused))
    }
    guard let username = form.text("username"), let password = form["password"] else {
      return completion(
        EndpointResponses.error(.invalidRequest, "username and password are needed", .signInRequestInvalid))
    }
    authenticate(username, password, request) { [self] outcome in
      switch outcome {
      case .user(let user):
        begin(user, request, methods: ["pwd"]) { [self] result in
          let response = answerForm(request, user, result, returnTo: returnTo)
          completion(answer(response, to: subject(of: user, after: result)))
        }
      case .failed:
        completion(
          loginPage(
            request, returnTo: returnTo, status: 401, message: .wrongPassword, username: username,
            reason: .loginFailed))
      case .throttled(let seconds):
        completion(
          loginPage(
            request, returnTo: returnTo, status: 429, message: .tooManyTries(seconds: seconds), username: username,
            fields: [("Retry-After", "\(seconds)")], reason: .loginThrottled))
      case .busy:
        completion(
          loginPage(
            request, returnTo: returnTo, status: 503, message: .busy, username: username, reason: .loginBusy))
      }
    }
  }

  /// What somebody is told whose password nobody has the time for. Nothing of the request has been looked at, and the
  /// page repeats none of it but where they go on.
  func busyLogin(_ request: LocalRequest) -> LocalResponse {
    guard request.mediaType == .form else { return EndpointResponses.busy }
    let returnTo = ReturnTo.checked(FormFields(request.body)?.text("return_to"))
    return loginPage(request, returnTo: returnTo, status: 503, message: .busy, reason: .loginBusy)
  }

  private func answerForm(
    _ request: LocalRequest, _ user: User, _ result: Result<Issued, Fault>, returnTo: String
  ) -> LocalResponse {
    switch result {
    case .success(let issued):
      guard let cookies = cookies(for: issued) else {
        endSignIn(issued.record.id) { _ in }
        return loginPage(request, returnTo: returnTo, status: 500, message: .failed, reason: .cookieTooLarge)
      }
      tell(issued, request)
      return loginPage.signedIn(goingOnAt: returnTo, cookies: cookies)
    case .failure(let fault):
      let reason: Reason =
        switch fault {
        case .refused(let reason): reason
        case .busy: .loginBusy
        case .unavailable: .signInUnavailable
        case .failed: .internalError
        }
      let message: LoginPage.Message =
        switch reason {
        case .loginFailed: .wrongPassword
        case .loginBusy: .busy
        case .signInUnavailable, .internalError: .failed
        default: .refused
        }
      return loginPage(request, returnTo: returnTo, status: reason.status, message: message, reason: reason)
    }
  }

  private static let loginMembers = "username and password, both strings"

  private func logInByJSON(_ request: LocalRequest, _ completion: @escaping Completion) {
    guard request.origin != .foreign else {
      return completion(EndpointResponses.ofAnotherSite)
    }
    guard let object = request.json(["username", "password"]), let username = object["username"]?.string,
      let password = object["password"]?.string
    else { return completion(EndpointResponses.notTaken(request, members: SignInService.loginMembers)) }
    authenticate(username, [UInt8](password.utf8), request) { [self] outcome in
      switch outcome {
      case .user(let user):
        begin(user, request, methods: ["pwd"]) { [self] result in
          if case .success(let issued) = result { tell(issued, request) }
          completion(answer(answerJSON(result), to: subject(of: user, after: result)))
        }
      case .failed, .throttled, .busy: completion(answerJSON(outcome))
      }
    }
  }

  /// What whoever is no user is told.
  func answerJSON(_ outcome: Authentication) -> LocalResponse {
    switch outcome {
    case .throttled(let seconds):
      EndpointResponses.error(
        .temporarilyUnavailable, "too many attempts", .loginThrottled, fields: [("Retry-After", "\(seconds)")])
    case .busy: EndpointResponses.busy
    case .user, .failed:
      EndpointResponses.error(.invalidGrant, "wrong user name or password", .loginFailed)
    }
  }

  /// Whose right password it was, whatever came of it; nil where it is the right one no more.
  private func subject(of user: User, after result: Result<Issued, Fault>) -> String? {
    if case .failure(.refused(.loginFailed)) = result { nil } else { user.id }
  }

  private func tell(_ issued: Issued, _ request: LocalRequest) {
    report(
      .signedIn(username: issued.user.username, id: issued.record.id, address: request.clientAddress))
  }

  // MARK: The response

  /// RFC 6749 §5.1.
  func answerJSON(_ result: Result<Issued, Fault>) -> LocalResponse {
    switch result {
    case .success(let issued):
      var members = [
        JSONObject.Member(name: "access_token", value: .string(String(decoding: issued.accessToken, as: UTF8.self))),
        JSONObject.Member(name: "token_type", value: .string("Bearer")),
        JSONObject.Member(name: "expires_in", value: .integer(issued.seconds)),
      ]
      if let token = issued.refreshToken {
        members.append(JSONObject.Member(name: "refresh_token", value: .string(token)))
      }
      return answer(EndpointResponses.object(members), to: issued.record.subject)
    case .failure(let fault): return answerJSON(fault)
    }
  }

  /// RFC 6749 §5.2.
  func answerJSON(_ fault: Fault) -> LocalResponse {
    switch fault {
    case .refused(let reason): EndpointResponses.error(.invalidGrant, "sign in again", reason)
    case .busy: EndpointResponses.busy
    case .unavailable: SignInService.unavailable
    case .failed: EndpointResponses.error(.serverError, nil, .internalError)
    }
  }

  /// The Set-Cookie values of a sign-in; nil where browsers would drop one.
  func cookies(for issued: Issued) -> [String]? {
    let names = configuration.cookies
    let access = String(decoding: issued.accessToken, as: UTF8.self)
    let bytes = names.access.utf8.count + 1 + access.utf8.count
    guard bytes <= Limits.cookieBytesMax else {
      report(.cookieTooLarge(username: issued.user.username, bytes: bytes))
      return nil
    }
    var cookies = [names.set(names.access, access, seconds: max(0, issued.seconds))]
    if let token = issued.refreshToken {
      let rest = min(issued.record.expiresAt - now, configuration.idleSeconds)
      cookies.append(names.set(names.refresh, token, seconds: max(0, rest)))
    }
    return cookies
  }

  /// The Set-Cookie values that take a sign-in from a browser.
  var clearedCookies: [String] {
    let names = configuration.cookies
    return [names.set(names.access, "", seconds: 0), names.set(names.refresh, "", seconds: 0)]
  }
}
