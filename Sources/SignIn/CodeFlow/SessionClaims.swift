import JSON
import Tokens

/// What the routes of a provider are told of somebody with a session: the provider's claims, and our own word for the
/// session.
enum SessionClaims {
  /// They are about the ID token, not about whom it is of, or are said anew below. What `cnf` binds a token to, no cookie
  /// proves.
  private static let left = ["nonce", "at_hash", "c_hash", "s_hash", "sid", "exp", "nbf", "jti", "active", "cnf"]

  /// How and when somebody was authenticated.
  private static let ofAuthentication = ["auth_time", "acr", "amr"]

  /// - Parameters:
  ///   - claims: Of the ID token.
  ///   - userinfo: What it does not say already is taken from here.
  ///   - id: The session's: tokens of ended sessions are known by it.
  ///   - expiresAt: When the session ends.
  ///   - before: What routes were told of it until now; nil: it begins. Nobody is authenticated when a session is renewed,
  ///     whatever the new ID token says or leaves out (OpenID Connect Core 1.0 §12.2).
  static func make(
    _ claims: JSONObject, userinfo: JSONObject?, id: String, expiresAt: UnixSeconds, before: [UInt8]? = nil
  ) -> [UInt8] {
    var members = claims.members.filter { !left.containsSameBytes(as: $0.name) }
    if let before {
      let known = (try? JSON.parse(before.span))?.object?.members ?? []
      members.removeAll { ofAuthentication.containsSameBytes(as: $0.name) }
      members += known.filter { ofAuthentication.containsSameBytes(as: $0.name) }
    }
    for member in userinfo?.members ?? []
    where claims[member.name] == nil && !left.containsSameBytes(as: member.name)
      && !ofTokensAlone.containsSameBytes(as: member.name)
      && (member.name != "email_verified" || isOneAddress(claims["email"], userinfo?["email"]))
    {
      members.append(member)
    }
    members += [
      JSONObject.Member(name: "sid", value: .string(id)),
      JSONObject.Member(name: "exp", value: .integer(expiresAt)),
    ]
    return JSONValue.object(JSONObject(members) ?? [:]).serialized()
  }

  /// Whether what userinfo says of its address is about the one that the session has (SECURITY I-9).
  private static func isOneAddress(_ stated: JSONValue?, _ userinfo: JSONValue?) -> Bool {
    guard let address = userinfo?.string else { return false }
    return stated.map { $0.string?.isSameBytes(as: address) == true } ?? true
  }

  /// Userinfo may not say when or how somebody has signed in.
  private static let ofTokensAlone = ["iss", "aud", "azp", "iat", "auth_time", "acr", "amr"]
}
