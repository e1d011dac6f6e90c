import Crypto
import Fetch
import Keys
import OAuth
import Tokens

/// Why a provider does not let somebody in, or cannot be asked. No code, no token and no secret is in it.
enum CodeFlowFault: Error, Sendable {
  case fetch(FetchError)
  case client(ClientFault)
  case crypto(CryptoError)
  case discovery(KeyFault)
  /// Another status than the endpoint's of a response that is taken.
  case status(Int, of: Endpoint)
  /// What is wrong with a response.
  case responseMalformed(String)
  /// The provider's word, an error code of RFC 6749.
  case refused(error: String)
  case token(Kind, TokenError)
  /// A check that is about tokens of that kind alone.
  case tokenRefused(Kind, String)
  /// What is wrong with an endpoint that the provider names.
  case endpoint(String, String)
  /// As many wait for the provider's response as there is room for.
  case tooManyWaiting
  /// The response to a code has no ID token.
  case idTokenMissing
  /// Userinfo is about another `sub` than the ID token (OpenID Connect Core 1.0 §5.3.2).
  case userinfoOfAnother
  /// The provider has let somebody in, and not as it was asked to.
  case authenticationInsufficient(String)
  /// The provider has let somebody in who is refused here.
  case revoked
  /// The provider has ended what a session would be of while its sign-in was under way.
  case endedMeanwhile

  /// Whether a token endpoint that answers so has refused the code: with any word or status for it, but for those that
  /// are about the client (RFC 6749 §5.2) or about the provider itself.
  var isOfCode: Bool {
    switch self {
    case .refused(let error):
      ![
        "invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope", "server_error",
        "temporarily_unavailable", "slow_down",
      ].contains(error)
    // 401 is about the client, 408 and 429 about the provider.
    case .status(let status, of: .token): (400..<500).contains(status) && ![401, 408, 429].contains(status)
    default: false
    }
  }

  /// Whether a token endpoint that answers a refresh token so has ended what it is of: its user has to sign in again,
  /// whatever the provider calls the reason (RFC 6749 §5.2, OpenID Connect Core 1.0 §3.1.2.6). A 400 that names none finds
  /// fault with the refresh token too: the rest of the request is as at sign-in. Any other status without a code may come
  /// from what stands before the provider.
  var endsSession: Bool {
    switch self {
    case .refused: isOfCode
    case .status(let status, of: .token): status == 400
    default: false
    }
  }

  /// Whether userinfo that is asked with an access token of just now says so that its session is over: the provider
  /// refuses that token (RFC 6750 §3.1), or speaks of somebody else.
  var endsSessionByUserinfo: Bool {
    switch self {
    case .userinfoOfAnother, .status(401, of: .userinfo): true
    default: false
    }
  }

  /// Of the provider's.
  enum Endpoint: String, Sendable {
    case discovery = "discovery document"
    case token = "token endpoint"
    case userinfo = "userinfo endpoint"
  }

  enum Kind: String, Sendable {
    /// OpenID Connect Core 1.0 §2.
    case identity = "ID token"
    /// OpenID Connect Back-Channel Logout 1.0 §2.4.
    case logout = "logout token"
  }
}

extension CodeFlowFault: CustomStringConvertible {
  var description: String {
    switch self {
    case .fetch(let error): error.description
    case .client(let fault): fault.description
    case .crypto(let error): error.description
    case .discovery(let fault): fault.description
    case .status(let status, let endpoint): "the response of the \(endpoint.rawValue) has status \(status)"
    case .responseMalformed(let what): "the response is not as it should be: \(what)"
    case .refused(let error): "the provider says \(error)\(CodeFlowFault.hint(error))"
    case .token(let kind, let error): "the \(kind.rawValue) is refused: \(error)"
    case .tokenRefused(let kind, let what): "the \(kind.rawValue) is refused: \(what)"
    case .endpoint(let name, let what): "the discovery document's \(name) \(what)"
    case .tooManyWaiting: "too many wait for the provider's response"
    case .userinfoOfAnother: "userinfo is for another sub"
    case .authenticationInsufficient(let what): what
    case .revoked: "the provider has let somebody in whom revocations.file lists"
    case .endedMeanwhile: "a logout token of the provider came while the sign-in that it ends was under way"
    case .idTokenMissing: "the response has no ID token; is \"openid\" among the scopes that the client may have?"
    }
  }

  private static func hint(_ error: String) -> String {
    switch error {
    case "invalid_client": ": it does not accept this client's credentials"
    case "invalid_scope": ": it does not give this client the scopes that are asked for"
    case "unauthorized_client": ": this client may not do that"
    default: ""
    }
  }
}
