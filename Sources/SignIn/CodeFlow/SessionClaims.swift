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
  ///   - userinfo: What it does not say already is taken from here; an address together with what is said of it.
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
    if let userinfo {
      // The ID token says nothing of an address that userinfo alone has (SECURITY I-9).
      let unproven = proofs.filter { claims[$0.value] == nil && userinfo[$0.value] != nil }.map(\.name)
      members.removeAll { unproven.containsSameBytes(as: $0.name) }
      members += userinfo.members.filter { adds($0.name, of: userinfo, to: claims) }
    }
    members += [
      JSONObject.Member(name: "sid", value: .string(id)),
      JSONObject.Member(name: "exp", value: .integer(expiresAt)),
    ]
    return JSONValue.object(JSONObject(members) ?? [:]).serialized()
  }

  /// Claims that say whether another one was verified (OpenID Connect Core 1.0 §5.1).
  private static let proofs = [
    (name: "email_verified", value: "email"), (name: "phone_number_verified", value: "phone_number"),
  ]

  /// Whether a member of userinfo becomes one of the session's.
  private static func adds(_ name: String, of userinfo: JSONObject, to claims: JSONObject) -> Bool {
    guard !left.containsSameBytes(as: name), !ofTokensAlone.containsSameBytes(as: name) else { return false }
    guard let proof = proofs.first(where: { $0.name.isSameBytes(as: name) }) else { return claims[name] == nil }
    // It is about userinfo's own address, which has to be the session's.
    guard let address = userinfo[proof.value]?.string else { return false }
    guard let stated = claims[proof.value] else { return true }
    return claims[name] == nil && stated.string?.isSameBytes(as: address) == true
  }

  /// Userinfo may not say when or how somebody has signed in.
  private static let ofTokensAlone = ["iss", "aud", "azp", "iat", "auth_time", "acr", "amr"]
}
