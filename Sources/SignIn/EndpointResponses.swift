import HTTP
import JSON
import Reason

/// Answers that all paths of a sign-in have in common.
enum EndpointResponses {
  /// Of RFC 6749 §5.2.
  enum OAuthError: String {
    case invalidRequest = "invalid_request"
    case invalidClient = "invalid_client"
    case invalidGrant = "invalid_grant"
    case unsupportedGrantType = "unsupported_grant_type"
    case invalidScope = "invalid_scope"
    case invalidToken = "invalid_token"
    case temporarilyUnavailable = "temporarily_unavailable"
    case serverError = "server_error"
    case accessDenied = "access_denied"
  }

  private static let json: [(name: String, value: String)] = [
    ("Content-Type", "application/json"), ("Cache-Control", "no-store"), ("Pragma", "no-cache"),
  ]

  /// - Parameter status: Of the response; nil: the reason's.
  static func error(
    _ error: OAuthError, _ description: String? = nil, _ reason: Reason, status: Int? = nil,
    fields: [(name: String, value: String)] = []
  ) -> LocalResponse {
    var members = [JSONObject.Member(name: "error", value: .string(error.rawValue))]
    if let description { members.append(JSONObject.Member(name: "error_description", value: .string(description))) }
    let status = status ?? reason.status
    var all = json + fields
    // A 401 offers a scheme (RFC 9110 §15.5.2).
    let isOffered = fields.contains { $0.name == "WWW-Authenticate" }
    if status == 401, !isOffered { all.append(("WWW-Authenticate", "Bearer")) }
    if status == reason.status, let seconds = reason.retryAfterSeconds { all.append(("Retry-After", "\(seconds)")) }
    return LocalResponse(
      status: status, fields: all, body: JSONValue.object(JSONObject(members) ?? [:]).serialized(), reason: reason)
  }

  static func object(_ members: [JSONObject.Member], cookies: [String] = []) -> LocalResponse {
    LocalResponse(
      status: 200, fields: json + cookies.map { ("Set-Cookie", $0) },
      body: JSONValue.object(JSONObject(members) ?? [:]).serialized())
  }

  /// More is to be done than can be soon.
  static let busy = error(.temporarilyUnavailable, "try again", .loginBusy)

  /// Done, and there is nothing to say.
  static func done(cookies: [String] = []) -> LocalResponse {
    LocalResponse(
      status: 204, fields: [("Cache-Control", "no-store")] + cookies.map { ("Set-Cookie", $0) }, body: [])
  }

  static func goOn(at path: String, cookies: [String]) -> LocalResponse {
    LocalResponse(
      status: 303, fields: [("Location", path), ("Cache-Control", "no-store")] + cookies.map { ("Set-Cookie", $0) },
      body: [])
  }

  /// Nothing is there, and nothing behind the gateway is asked (SECURITY P-17).
  static func notFound(_ request: LocalRequest) -> LocalResponse { problem(request, .noRoute) }

  /// On a path of a published document, or of a browser's way to a provider.
  static func notAllowed(_ request: LocalRequest, _ allowed: String) -> LocalResponse {
    problem(request, .methodRefused, fields: [("Allow", allowed)])
  }

  /// On a path for programs, which is told as their other errors are.
  static func notAllowed(_ allowed: String) -> LocalResponse {
    error(.invalidRequest, "allowed here: \(allowed)", .methodRefused, fields: [("Allow", allowed)])
  }

  /// The response to a body that is not of the kind that the path takes. It repeats nothing of the body, names included:
  /// anything there may be a password.
  ///
  /// - Parameter members: What the path takes, as JSON.
  static func notTaken(_ request: LocalRequest, members: String) -> LocalResponse {
    let why =
      if request.mediaType != .json {
        "Content-Type has to be application/json, or application/x-www-form-urlencoded for a form"
      } else if (try? JSON.parse(request.body.span)) == nil {
        "the body is not JSON, or has a member twice"
      } else {
        "the body has to be a JSON object with \(members), and no other members"
      }
    return error(.invalidRequest, why, .signInRequestInvalid)
  }

  /// The response to cookies that do not count, because no browser says that a page of this host sends them (SECURITY
  /// C-8).
  ///
  /// - Parameter instead: What a program sends.
  static func notOfOwnPage(_ request: LocalRequest, instead: String? = nil) -> LocalResponse {
    guard request.origin == .absent, !request.isOfOtherOrigin else { return ofAnotherSite }
    let missing =
      "a request with cookies has to come from a page of this host, as Origin or Sec-Fetch-Site: same-origin says"
    return error(.accessDenied, instead.map { "\(missing); \($0)" } ?? missing, .csrfRefused)
  }

  static let ofAnotherSite = error(.accessDenied, "the page belongs to another site", .csrfRefused)

  /// RFC 9457.
  private static func problem(
    _ request: LocalRequest, _ reason: Reason, fields: [(name: String, value: String)] = []
  ) -> LocalResponse {
    let members = [
      JSONObject.Member(name: "title", value: .string(StatusText.reasonPhrase(reason.status).description)),
      JSONObject.Member(name: "status", value: .integer(Int64(reason.status))),
      JSONObject.Member(name: "request_id", value: .string(request.requestID)),
    ]
    return LocalResponse(
      status: reason.status,
      fields: [("Content-Type", "application/problem+json"), ("Cache-Control", "no-store")] + fields,
      body: JSONValue.object(JSONObject(members) ?? [:]).serialized() + [0x0A], reason: reason)
  }
}

extension LocalResponse {
  /// The same with these Set-Cookie values.
  func setting(_ cookies: [String]) -> LocalResponse {
    var response = self
    response.fields += cookies.map { ("Set-Cookie", $0) }
    return response
  }
}
