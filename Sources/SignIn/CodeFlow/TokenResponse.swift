import Fetch
import JSON
import Tokens

/// What a token endpoint answers (RFC 6749 §5, OpenID Connect Core 1.0 §3.1.3.3), read strictly.
struct TokenResponse: Sendable, Equatable {
  let accessToken: String
  /// How long the access token is good, in seconds; nil where the provider does not say.
  let expiresInSeconds: Int64?
  let refreshToken: String?
  let idToken: String?

  /// - Throws: Also where the provider refuses, which it says with the status 400 or 401, or, where it goes its own way,
  ///   with another one that is about the request.
  init(_ response: FetchResponse) throws(CodeFlowFault) {
    guard response.status == 200 || TokenResponse.isRefusal(response.status) else {
      throw .status(response.status, of: .token)
    }
    guard response.contentType.map(TokenResponse.isJSON) ?? false else {
      throw response.status == 200
        ? .responseMalformed("it is not application/json") : .status(response.status, of: .token)
    }
    guard let members = try? JSON.parse(response.body.span).object else {
      throw response.status == 200
        ? .responseMalformed("it is not a strict JSON object") : .status(response.status, of: .token)
    }
    guard response.status == 200 else {
      guard let error = members["error"]?.string, TokenResponse.isRefusal(error, response.status) else {
        throw .status(response.status, of: .token)
      }
      throw .refused(error: ErrorCode.checked(error))
    }
    guard let accessToken = try TokenResponse.text("access_token", members),
      let type = try TokenResponse.text("token_type", members)
    else { throw .responseMalformed("it has no access_token or no token_type") }
    // RFC 6749 §7.1: a type that is not understood must not be used; types are compared in any case (§5.1).
    guard type.lowercased() == "bearer" else { throw .responseMalformed("its token_type is not Bearer") }
    self.accessToken = accessToken
    expiresInSeconds = try TokenResponse.seconds("expires_in", members)
    refreshToken = try TokenResponse.text("refresh_token", members)
    idToken = try TokenResponse.text("id_token", members)
  }

  /// 408 and 429 are about the provider, whatever else it says.
  private static func isRefusal(_ status: Int) -> Bool { (400..<500).contains(status) && ![408, 429].contains(status) }

  /// Whether it is the provider that speaks: what stands before it says `error` in JSON too, as `Not Found`. Its own words
  /// come with 400 (RFC 6749 §5.2).
  private static func isRefusal(_ error: String, _ status: Int) -> Bool {
    status == 400 || codes.contains(error) || (error.hasSuffix("_required") && ErrorCode.checked(error) == error)
  }

  /// RFC 6749 §4.1.2.1 and §5.2, RFC 8628 §3.5; those of OpenID Connect Core 1.0 §3.1.2.6 end with `_required`.
  private static let codes: Set<String> = [
    "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type",
    "invalid_scope",
    "access_denied", "server_error", "temporarily_unavailable", "slow_down",
  ]

  /// nil where it is absent, or null; neither is it ever empty.
  private static func text(_ name: String, _ members: JSONObject) throws(CodeFlowFault) -> String? {
    switch members[name] {
    case nil, .null: return nil
    case .string(let text) where !text.isEmpty: return text
    default: throw .responseMalformed("its \(name) is not a string")
    }
  }

  private static func seconds(_ name: String, _ members: JSONObject) throws(CodeFlowFault) -> Int64? {
    switch members[name] {
    case nil, .null: return nil
    case .integer(let seconds) where seconds >= 0: return min(seconds, secondsMax)
    // Some providers write a number as a string, or with a fraction.
    case .number(let seconds) where seconds >= 0: return Int64(min(seconds, Double(secondsMax)))
    case .string(let text):
      guard let seconds = Int64(text), seconds >= 0 else { throw .responseMalformed("its \(name) is not a number") }
      return min(seconds, secondsMax)
    default: throw .responseMalformed("its \(name) is not a number")
    }
  }

  /// A hundred years: sums cannot overflow.
  private static let secondsMax: Int64 = 100 * 366 * 86_400

  /// RFC 9110 §8.3.1: in any case, with any parameters.
  static func isJSON(_ contentType: String) -> Bool {
    let type = contentType.prefix { $0 != ";" && $0 != " " && $0 != "\t" }
    return type.lowercased() == "application/json"
  }
}
