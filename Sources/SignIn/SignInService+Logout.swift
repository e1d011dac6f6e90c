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
        return completion(EndpointResponses.notTaken(request, members: SignInService.logoutMembers))
      }
      switch object["everywhere"] {
      case nil: break
      case .bool(let truth)?: isEverywhere = truth
      default: return completion(EndpointResponses.notTaken(request, members: SignInService.logoutMembers))
      }
      switch object["refresh_token"] {
      case nil: break
      case .string(let text)?: refreshToken = text
      default: return completion(EndpointResponses.notTaken(request, members: SignInService.logoutMembers))
      }
    case .form:
      guard let form = FormFields(request.body) else {
        return completion(EndpointResponses.error(.invalidRequest, "the form is malformed", .signInRequestInvalid))
      }
      isEverywhere = form.text("everywhere") == "true"
      returnTo = form.text("return_to").map { ReturnTo.checked($0) } ?? configuration.path + "/login"
    case .other:
      return completion(EndpointResponses.notTaken(request, members: SignInService.logoutMembers))
    }
    let extent = isEverywhere ? Extent.everywhere : .here
    let goingOn = returnTo
    let kept = Farewell(returnTo: goingOn, cookies: [])
    // Who brings a token in the request itself is no browser that was made to send this.
    if let token = request.bearerToken {
      switch verify(token) {
      case .success(let verified): end(verified, extent, request, kept, completion)
      case .failure(let fault): completion(answer(fault))
      }
      return
    }
    if let refreshToken {
      return end(byRefreshToken: refreshToken, extent, request, kept, completion)
    }
    guard request.isOfOwnPage else {
      return completion(
        EndpointResponses.notOfOwnPage(
          request, instead: "a program sends a token in Authorization, or its refresh_token as JSON"))
    }
    let cleared = Farewell(returnTo: goingOn, cookies: clearedCookies + [clearedFormToken])
    let refresh = request.cookie(configuration.cookies.refresh)
    if let token = request.cookie(configuration.cookies.access),
      case .success(let verified) = verify([UInt8](token.utf8))
    {
      return end(verified, extent, request, cleared, ending(refresh, request, completion))
    }
    if let refresh { return end(byRefreshToken: refresh, extent, request, cleared, completion) }
    // Nobody is signed in, which is what was asked for.
    completion(cleared.response)
  }

  /// The cookies may be of two sign-ins, and both are taken from the browser: what ends the one of the access token is
  /// followed by the end of the other (SECURITY C-9).
  private func ending(
    _ refreshToken: String?, _ request: LocalRequest, _ completion: @escaping Completion
  ) -> Completion {
    guard let refreshToken else { return completion }
    return { [self] response in
      onQueue { [self] in
        endSignIn(byRefreshToken: refreshToken) { [self] result in
          switch result {
          case .success(let ended):
            if let subject = ended?.record.subject {
              report(.signedOut(subject: subject, count: 1, address: request.clientAddress))
            }
            completion(response)
          case .failure(.failed): completion(EndpointResponses.error(.serverError, nil, .internalError))
          case .failure: completion(SignInService.unavailable)
          }
        }
      }
    }
  }

  private static let logoutMembers =
    "refresh_token, a string, and everywhere, true or false, neither of which is needed"

  /// How much is ended.
  enum Extent {
    /// The sign-in that is shown, alone.
    case here
    /// All of the same person's.
    case everywhere
  }

  /// What somebody is answered who has logged out.
  struct Farewell: Sendable {
    /// Where a browser goes on; nil: nowhere.
    let returnTo: String?
    /// What Set-Cookie says, a line for each: what a browser had is taken from it.
    let cookies: [String]

    var response: LocalResponse {
      returnTo.map { EndpointResponses.goOn(at: $0, cookies: cookies) } ?? EndpointResponses.done(cookies: cookies)
    }
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
    byRefreshToken text: String, _ extent: Extent, _ request: LocalRequest, _ farewell: Farewell,
    _ completion: @escaping Completion
  ) {
    endSignIn(byRefreshToken: text) { [self] result in
      let found: EndedByToken
      switch result {
      case .success(let ended?): found = ended
      case .success(nil): return completion(farewell.response)
      case .failure(.failed): return completion(EndpointResponses.error(.serverError, nil, .internalError))
      case .failure: return completion(SignInService.unavailable)
      }
      let record = found.record
      let isReused = found.token == .replaced
      // As where it is used: who has the former password has no say in what was begun with the new one (SECURITY C-9).
      let isGood = found.token == .good && isStillGood(record)
      let completion: Completion = { [self] in completion(answer($0, to: isGood ? record.subject : nil)) }
      if extent == .everywhere, isGood {
        return endAll(of: record.subject, request, farewell, completion)
      }
      if extent == .everywhere, isReused {
        report(.refreshReused(subject: record.subject, id: record.id, address: request.clientAddress))
        return completion(notEverywhere(.refreshReused, farewell))
      }
      report(.signedOut(subject: record.subject, count: 1, address: request.clientAddress))
      completion(extent == .everywhere ? notEverywhere(.refreshRefused, farewell) : farewell.response)
    }
  }

  /// What somebody is told whose other sign-ins go on.
  private func notEverywhere(_ reason: Reason, _ farewell: Farewell) -> LocalResponse {
    EndpointResponses.error(.invalidGrant, "sign in again", reason).setting(farewell.cookies)
  }

  private func end(
    _ token: VerifiedToken, _ extent: Extent, _ request: LocalRequest, _ farewell: Farewell,
    _ completion: @escaping Completion
  ) {
    let target = Target(token)
    let completion: Completion = { [self] in completion(answer($0, to: target.subject)) }
    // One that was made by hand is of no sign-in.
    guard let id = target.signIn else {
      return completion(extent == .everywhere ? notEverywhere(.refreshRefused, farewell) : farewell.response)
    }
    guard extent == .everywhere else { return end(id, of: target.subject, request, farewell.response, completion) }
    state.store.list(provider: provider, subject: target.subject, now: now) { [self] result in
      onQueue { [self] in
        switch result {
        case .failure(let fault):
          storeFailed(fault)
          completion(SignInService.unavailable)
        case .success(let records):
          // The token may be older than the password that holds now (SECURITY C-9), or of another store.
          guard let record = records.first(where: { $0.id == id }), isStillGood(record) else {
            return end(id, of: target.subject, request, notEverywhere(.refreshRefused, farewell), completion)
          }
          endAll(of: record.subject, request, farewell, completion)
        }
      }
    }
  }

  private func end(
    _ id: String, of subject: String, _ request: LocalRequest, _ response: LocalResponse,
    _ completion: @escaping Completion
  ) {
    endSignIn(id) { [self] isDone in
      guard isDone else { return completion(SignInService.unavailable) }
      report(.signedOut(subject: subject, count: 1, address: request.clientAddress))
      completion(response)
    }
  }

  private func endAll(
    of subject: String, _ request: LocalRequest, _ farewell: Farewell, _ completion: @escaping Completion
  ) {
    endAll(of: subject) { [self] count in
      guard let count else { return completion(SignInService.unavailable) }
      report(.signedOut(subject: subject, count: count, address: request.clientAddress))
      completion(farewell.response)
    }
  }

  static var unavailable: LocalResponse {
    EndpointResponses.error(.temporarilyUnavailable, nil, .signInUnavailable)
  }
}
