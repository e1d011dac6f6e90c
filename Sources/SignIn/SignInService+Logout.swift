import Configuration
import HTTP
import JSON
import Reason
import State
import Tokens

/// Ending sign-ins.
extension SignInService {
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
      case .success(let verified): end(verified, everywhere, returnTo: goingOn, clears: false, completion)
      case .failure(let fault): completion(answer(fault))
      }
      return
    }
    if let refreshToken {
      return end(byRefreshToken: refreshToken, everywhere, request, returnTo: goingOn, clears: false, completion)
    }
    guard request.isOfOwnPage else {
      return completion(Answers.error(.accessDenied, "the page is of another site", .csrfRefused))
    }
    if let token = request.cookie(configuration.cookies.access),
      case .success(let verified) = verify([UInt8](token.utf8))
    {
      return end(verified, everywhere, returnTo: goingOn, clears: true, completion)
    }
    if let token = request.cookie(configuration.cookies.refresh) {
      return end(byRefreshToken: token, everywhere, request, returnTo: goingOn, clears: true, completion)
    }
    // Nobody is signed in, which is what was asked for.
    completion(answerLoggedOut(returnTo: goingOn, clears: true))
  }

  /// What is to be ended.
  struct Target: Sendable {
    let signIn: String?
    let subject: String

    init(_ token: VerifiedToken) {
      signIn = if case .string(let id)? = token.claim(Target.signInPath) { id } else { nil }
      subject = token.subject ?? ""
    }

    private static let signInPath = ClaimPath(name: "sid")
  }

  /// Whoever has a token that was replaced long ago has found it, or stolen it: it ends its own sign-in, as it would where
  /// it is used (SECURITY C-10), and no other.
  private func end(
    byRefreshToken text: String, _ isEverywhere: Bool, _ request: LocalRequest, returnTo: String?, clears: Bool,
    _ completion: @escaping Completion
  ) {
    let address = request.client?.text ?? ""
    endSignIn(byRefreshToken: text) { [self] result in
      guard case .success(let found) = result else { return completion(SignInService.unavailable) }
      guard let found else { return completion(answerLoggedOut(returnTo: returnTo, clears: clears)) }
      let record = found.record
      // As where it is used: who has the former password has no say in what was begun with the new one (SECURITY C-9).
      if isEverywhere, found.token == .good, isStillGood(record) {
        return endAll(of: record.subject, returnTo: returnTo, clears: clears, completion)
      }
      if isEverywhere, found.token == .replaced {
        report(.refreshReused(subject: record.subject, id: record.id, address: address))
        return completion(notEverywhere(.refreshReused, clears: clears))
      }
      report(.signedOut(subject: record.subject, count: 1))
      completion(
        isEverywhere
          ? notEverywhere(.refreshRefused, clears: clears) : answerLoggedOut(returnTo: returnTo, clears: clears))
    }
  }

  /// What somebody is told whose other sign-ins go on.
  private func notEverywhere(_ reason: Reason, clears: Bool) -> LocalResponse {
    Answers.error(
      .invalidGrant, "sign in again", reason, fields: (clears ? clearedCookies : []).map { ("Set-Cookie", $0) })
  }

  private func end(
    _ token: VerifiedToken, _ isEverywhere: Bool, returnTo: String?, clears: Bool, _ completion: @escaping Completion
  ) {
    let target = Target(token)
    if isEverywhere, target.signIn != nil {
      return endEverywhere(byAccessToken: target, returnTo: returnTo, clears: clears, completion)
    }
    end(target, isEverywhere, returnTo: returnTo, clears: clears, completion)
  }

  /// Ends the one sign-in, and says so where it was to be all.
  private func end(
    _ target: Target, _ isEverywhere: Bool, returnTo: String?, clears: Bool, _ completion: @escaping Completion
  ) {
    // A machine's token is of no sign-in.
    guard let id = target.signIn else { return completion(answerLoggedOut(returnTo: returnTo, clears: clears)) }
    endSignIn(id) { [self] isDone in
      guard isDone else { return completion(SignInService.unavailable) }
      report(.signedOut(subject: target.subject, count: 1))
      completion(
        isEverywhere
          ? notEverywhere(.refreshRefused, clears: clears) : answerLoggedOut(returnTo: returnTo, clears: clears))
    }
  }

  /// An access token may be older than the password that holds now (SECURITY C-9), or of another store.
  private func endEverywhere(
    byAccessToken target: Target, returnTo: String?, clears: Bool, _ completion: @escaping Completion
  ) {
    state.store.list(provider: provider, subject: target.subject, now: now) { [self] result in
      onQueue { [self] in
        switch result {
        case .failure(let fault):
          storeFailed(fault)
          completion(SignInService.unavailable)
        case .success(let records):
          guard let record = records.first(where: { $0.id == target.signIn }), isStillGood(record) else {
            return end(target, true, returnTo: returnTo, clears: clears, completion)
          }
          endAll(of: record.subject, returnTo: returnTo, clears: clears, completion)
        }
      }
    }
  }

  private func endAll(of subject: String, returnTo: String?, clears: Bool, _ completion: @escaping Completion) {
    endAll(of: subject) { [self] count in
      guard let count else { return completion(SignInService.unavailable) }
      report(.signedOut(subject: subject, count: count))
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
}
