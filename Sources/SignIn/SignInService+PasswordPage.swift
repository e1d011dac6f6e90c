import Configuration
import Crypto
import HTTP
import Reason
import State
import Tokens

/// The page at which people change their own passwords, and its form. A browser speaks with its cookies alone.
extension SignInService {
  func showPasswordPage(_ request: LocalRequest, _ completion: @escaping Completion) {
    findPerson(request) { [self] result in
      switch result {
      case .success(let person): completion(passwordForm(request, person))
      // Only who goes to a page is sent to another one (SECURITY C-13).
      case .failure(.signedOut) where request.asksForPage:
        completion(EndpointResponses.goOn(at: passwordPage.loginThenThis, cookies: []))
      case .failure(let why): completion(answer(why))
      }
    }
  }

  func changePasswordByForm(_ request: LocalRequest, _ completion: @escaping Completion) {
    guard let form = FormFields(request.body) else {
      return completion(EndpointResponses.error(.invalidRequest, "the form is malformed", .signInRequestInvalid))
    }
    guard isOfOwnForm(request, form) else {
      return completion(passwordPage.refusal(.outdated, reason: .csrfRefused))
    }
    guard let current = form["current_password"], let new = form["new_password"],
      let again = form["new_password_again"]
    else {
      return completion(
        EndpointResponses.error(
          .invalidRequest, "current_password, new_password and new_password_again are needed",
          .signInRequestInvalid))
    }
    findPerson(request) { [self] result in
      let person: Person
      switch result {
      case .success(let found): person = found
      case .failure(let why): return completion(answer(why))
      }
      guard ConstantTime.areEqual(new.span, again.span) else {
        return completion(passwordForm(request, person, status: 400, .different, reason: .passwordRefused))
      }
      // In JSON nobody could write it.
      guard String(validating: new, as: UTF8.self) != nil else {
        return completion(answer(request, person, .refused))
      }
      changePassword(of: person.user, from: current, to: new, keeping: person.signIn, request) { [self] outcome in
        completion(answer(request, person, outcome))
      }
    }
  }

  // MARK: Who it is

  /// Who a browser is of.
  private struct Person: Sendable {
    let user: User
    let signIn: String?
    /// Set-Cookie values, where their token was renewed.
    var cookies: [String] = []
  }

  private enum NoPerson: Error, Sendable {
    case signedOut
    /// Their token is good, and the users file does not have them, or has them disabled.
    case noUser
    /// It could not be found out.
    case unknown(Fault)
  }

  /// By the access token; where it is no longer good by the refresh token, as on the way to a page.
  private func findPerson(
    _ request: LocalRequest, _ completion: @escaping @Sendable (Result<Person, NoPerson>) -> Void
  ) {
    findCookieHolder(request, renews: request.isNavigation) { [self] result in
      switch result {
      case .success(let holder): completion(person(holder.token, cookies: holder.cookies))
      case .failure(.signedOut): completion(.failure(.signedOut))
      case .failure(.unknown(let fault)): completion(.failure(.unknown(fault)))
      }
    }
  }

  private func person(_ token: VerifiedToken, cookies: [String]) -> Result<Person, NoPerson> {
    guard let user = token.subject.flatMap({ state.users.user(id: $0) }), !user.isDisabled else {
      return .failure(.noUser)
    }
    return .success(Person(user: user, signIn: Target(token).signIn, cookies: cookies))
  }

  // MARK: What they are told

  private func passwordForm(
    _ request: LocalRequest, _ person: Person, status: Int = 200, _ message: PasswordPage.Message? = nil,
    fields: [(name: String, value: String)] = [], reason: Reason? = nil
  ) -> LocalResponse {
    guard let token = formToken(request) else { return EndpointResponses.error(.serverError, nil, .internalError) }
    let page = passwordPage.form(
      status: status, message: message, username: person.user.username, csrf: token.text,
      cookies: person.cookies + [token.cookie], fields: fields, reason: reason)
    return answer(page, to: person.user.id)
  }

  private func answer(_ request: LocalRequest, _ person: Person, _ outcome: PasswordChange) -> LocalResponse {
    func again(
      _ message: PasswordPage.Message, _ reason: Reason, retryAfterSeconds: Int64? = nil
    ) -> LocalResponse {
      passwordForm(
        request, person, status: reason.status, message,
        fields: retryAfterSeconds.map { [("Retry-After", "\($0)")] } ?? [], reason: reason)
    }
    return switch outcome {
    case .changed(let othersEnded):
      answer(
        passwordPage.changed(
          othersEndWithin: othersEnded ? nil : tokenSecondsMax, cookies: person.cookies + [clearedFormToken]),
        to: person.user.id)
    case .refused: again(.refused, .passwordRefused)
    case .wrongPassword: again(.wrongPassword, .loginFailed)
    case .throttled(let seconds):
      again(.tooManyTries(seconds: seconds), .loginThrottled, retryAfterSeconds: seconds)
    case .busy: again(.busy, .loginBusy)
    case .unavailable: again(.failed, .signInUnavailable)
    case .failed: again(.failed, .internalError)
    }
  }

  private func answer(_ why: NoPerson) -> LocalResponse {
    switch why {
    case .signedOut: passwordPage.refusal(.signedOut, reason: .credentialMissing)
    case .noUser: passwordPage.refusal(.noUser, reason: .loginFailed)
    case .unknown(.busy): passwordPage.refusal(.busy, reason: .loginBusy)
    case .unknown(.unavailable): passwordPage.refusal(.failed, reason: .signInUnavailable)
    case .unknown(.failed), .unknown(.refused): passwordPage.refusal(.failed, reason: .internalError)
    }
  }
}
