import Configuration
import HTTP
import JSON
import Reason
import Tokens

/// Whose token a request has.
extension SignInService {
  func showIdentity(_ request: LocalRequest, _ completion: Completion) {
    // As on routes, another scheme's Authorization says nothing of who it is: the cookie does.
    guard let token = request.bringsToken ? request.bearerToken : accessCookie(of: request) else {
      return completion(EndpointResponses.error(.invalidToken, "no token", .credentialMissing))
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
    completion(EndpointResponses.object(members))
  }

  private static let shownClaims = [
    "sub", "preferred_username", "client_id", "roles", "permissions", "scope", "exp", "auth_time",
  ]

  /// The token that a request speaks with: that in Authorization, or else the cookie's. Never the cookie's beside any
  /// Authorization, which stands for a request that no other site's page has sent.
  func token(of request: LocalRequest) -> [UInt8]? {
    request.hasField("authorization") ? request.bearerToken : accessCookie(of: request)
  }

  private func accessCookie(of request: LocalRequest) -> [UInt8]? {
    request.cookie(configuration.cookies.access).map { [UInt8]($0.utf8) }
  }

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
