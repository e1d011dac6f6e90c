/// `providers.<name>.code_flow` as written.
struct CodeFlowDraft: HoldsClient {
  var client = ClientDraft()
  var url: Located<WebAddress>?
  var path = "/oauth"
  var scopes: [String] = []
  var asksUserinfo = false
  var lifetime = Duration.seconds(43_200)
  var idle = Duration.seconds(7200)
  var afterLogout = "/"
  var state: Located<String>?

  static let keys = KeyTable<CodeFlowDraft>(
    """
    Browsers sign in at the issuer, with the authorization code flow of OpenID Connect: [code flow](code-flow.md). \
    With `client_secret_file` or `private_key_file`, or neither if this gateway is a public client at the issuer. The \
    endpoints are discovered (OpenID Connect Discovery).
    """,
    defaults: CodeFlowDraft(),
    keys: ClientDraft.keys(audience: "the token endpoint") + [
      Key(
        "url", ifWritten: \.url, ValueKind.fetchedURL.located, presence: .required,
        """
        Where browsers reach this gateway, such as `https://app.example.com`: http only on loopback. `url` + `path` + \
        `/callback` must be registered at the issuer as a redirect URI.
        """),
      Key(
        "path", \.path, .ownPath,
        "The prefix of its own paths: the gateway itself answers everything under it, and no route can be there."),
      Key(
        "scopes", \.scopes, .list(of: .scopeToken, "scopes"),
        "Scopes to request besides `openid`, such as `email`, or `offline_access` for a refresh token."),
      Key(
        "userinfo", \.asksUserinfo, .boolean,
        "Whether to ask the issuer's UserInfo endpoint for claims that the ID token does not have (OpenID Connect Core §5.3)."
      ),
      Key(
        "lifetime", \.lifetime, .wholeSeconds(.seconds(60) ... .seconds(400 * 86_400)),
        "How long a session lasts, however often it is used."),
      Key(
        "idle", \.idle, .wholeSeconds(.seconds(60) ... .seconds(400 * 86_400)),
        "How long a session lasts without being used."),
      Key("after_logout", \.afterLogout, .localPath, "Where a browser is sent after it has signed out: a path."),
      Key(
        "state", ifWritten: \.state, ValueKind.path("a folder", .kept).located, presence: .required,
        "The folder for the sessions; created at the first start, for this gateway's user only."),
    ])
}

extension ValueKind where Value == String {
  /// RFC 6749 §3.3: one token.
  fileprivate static var scopeToken: ValueKind {
    .scalar(noun: "a scope", reference: "scope", text: \.self) { scalar throws(ValueFault) in
      let isSound = scalar.text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x22 && $0 != 0x5C }
      guard isSound, !scalar.text.isEmpty else {
        throw ValueFault("is not a scope; use visible ASCII without spaces, quotes or backslashes")
      }
      return scalar.text
    }
  }

  /// On this very host, whatever a browser makes of it (SECURITY C-4).
  fileprivate static var localPath: ValueKind {
    .scalar(noun: "a path", reference: "path", text: \.self) { scalar throws(ValueFault) in
      let bytes = Array(scalar.text.utf8)
      let isSound = bytes.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x5C && $0 != 0x22 && $0 != 0x23 }
      guard isSound, bytes.first == 0x2F, !(bytes.count > 1 && bytes[1] == 0x2F) else {
        throw ValueFault("is not a path on this host; write one such as / or /goodbye")
      }
      return scalar.text
    }
  }
}
