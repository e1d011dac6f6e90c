import Configuration
import HTTP
import JSON
import Reason
import Tokens

/// Whose token a request has.
extension SignInService {
  /// A browser's cookies are renewed as on the way to a route.
  func showIdentity(_ request: LocalRequest, _ completion: @escaping Completion) {
    // As on routes, another scheme's Authorization says nothing of who it is: the cookie does.
    guard request.bringsToken else {
      return findCookieHolder(request, renews: request.isRenewable) { [self] result in
        switch result {
        case .success(let holder): completion(identity(holder.token).setting(holder.cookies))
        case .failure(.signedOut(let fault?)): completion(answer(fault))
        case .failure(.signedOut(nil)): completion(SignInService.noToken)
        case .failure(.unknown(let fault)): completion(answerJSON(fault))
        }
      }
    }
    guard let token = request.bearerToken else { return completion(SignInService.noToken) }
    switch verify(token) {
    case .success(let verified): completion(identity(verified))
    case .failure(let fault): completion(answer(fault))
    }
  }

  private func identity(_ token: VerifiedToken) -> LocalResponse {
    var members: [JSONObject.Member] = []
    for name in SignInService.shownClaims {
      guard let value = token.claim(ClaimPath(name: name)) else { continue }
      // A user's names the gateway, which says nothing of the user.
      if name == "client_id", case .string(tokens.policy.issuer) = value { continue }
      members.append(JSONObject.Member(name: name, value: JSONValue(value)))
    }
    return answer(EndpointResponses.object(members), to: token.subject)
  }

  private static var noToken: LocalResponse {
    EndpointResponses.error(.invalidToken, "no token", .credentialMissing)
  }

  private static let shownClaims = [
    "sub", "preferred_username", "client_id", "roles", "permissions", "scope", "exp", "auth_time",
  ]

  func verify(_ token: [UInt8]) -> Result<VerifiedToken, NotVerified> {
    let result = tokens.verified(token, keys: state.keys, revocations: state.revocations, now: now)
    if case .failure(let fault) = result, let why = fault.failure { failed(why) }
    return result
  }

  /// The client learns that the token is not good, and the log why (SECURITY T-18).
  func answer(_ fault: NotVerified) -> LocalResponse {
    if fault.failure != nil { return EndpointResponses.error(.serverError, nil, fault.reason) }
    return EndpointResponses.error(
      .invalidToken, nil, fault.reason, status: 401,
      fields: [("WWW-Authenticate", "Bearer error=\"invalid_token\"")])
  }
}
