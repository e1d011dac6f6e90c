import JSON

/// What is needed to go on with a session at the provider.
struct SessionTokens: Sendable, Equatable {
  /// nil where the provider has given none: the session is as good as it was until it ends.
  var refreshToken: String?
  /// Of the sign-in, which a later ID token may repeat (OpenID Connect Core 1.0 §12.2).
  let nonce: String
  /// The last one, where it is needed again.
  var idToken: String?

  init(refreshToken: String?, nonce: String, idToken: String?) {
    self.refreshToken = refreshToken
    self.nonce = nonce
    self.idToken = idToken
  }

  init?(_ text: [UInt8]) {
    guard let members = try? JSON.parse(text.span).object, let nonce = members["nonce"]?.string else { return nil }
    self.nonce = nonce
    refreshToken = members["refresh_token"]?.string
    idToken = members["id_token"]?.string
  }

  var serialized: [UInt8] {
    var members = [JSONObject.Member(name: "nonce", value: .string(nonce))]
    if let refreshToken { members.append(JSONObject.Member(name: "refresh_token", value: .string(refreshToken))) }
    if let idToken { members.append(JSONObject.Member(name: "id_token", value: .string(idToken))) }
    return JSONValue.object(JSONObject(members) ?? [:]).serialized()
  }
}
