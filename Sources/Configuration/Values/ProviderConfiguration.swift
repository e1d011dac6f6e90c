public import Access
public import Tokens

/// An issuer whose tokens are accepted, and where its keys come from.
public struct ProviderConfiguration: Sendable, Equatable {
  /// Where a signing provider's public keys are answered (RFC 7517 §5): the gateway's own path.
  public static let publishedKeysPath = "/.well-known/jwks.json"

  public var name: String
  public var policy: TokenPolicy
  public var keys: KeyLocation
  /// A PEM file to verify the issuer's TLS certificate with; nil: the system's.
  public var certificateAuthorityFile: String?
  public var credentialSources: [CredentialSource]
  public var dpop: DPoPUse
  public var refreshEvery: Duration
  public var staleFor: Duration
  /// Where a copy of fetched keys is kept; nil: nowhere.
  public var keyCacheFile: String?
  /// How the gateway's own keys are replaced; nil: by hand.
  public var keyRotation: KeyRotationConfiguration?
  /// nil: its tokens are not introspected.
  public var introspection: IntrospectionConfiguration?
  /// nil: nobody signs in here for its tokens.
  public var signIn: SignInConfiguration?
  /// nil: nobody signs in at the issuer by way of this gateway.
  public var codeFlow: CodeFlowConfiguration?
  /// Whom certificates name; nil: its clients send tokens.
  public var certificateRule: CertificateRule?
  /// What stops enforcing what is tried on its tokens for a share of the senders; nil: it is for nobody, or nothing is
  /// tried.
  public var enforcementBudget: EnforcementBudget?

  /// Where sign-ins are kept; nil where the provider signs nothing.
  public var signInsFile: String? {
    switch keys {
    case .signing(let folder, _), .signingSecret(let folder, _, _, _): "\(folder)/\(name).sign-ins.db"
    default: nil
    }
  }

  /// What its tokens are signed with here; nil where the provider signs nothing.
  public var signingAlgorithm: SignatureAlgorithm? {
    switch keys {
    case .signing(_, let algorithm), .signingSecret(_, _, _, let algorithm): algorithm
    default: nil
    }
  }

  /// Where sessions of browsers are kept; nil where there are none.
  public var sessionsFile: String? { codeFlow.map { "\($0.stateFolder)/\(name).sessions.db" } }

  /// Where people sign in: everything under `path` is the gateway's own, on these hosts.
  public var signInPages: (path: String, hosts: [String])? {
    signIn.map { ($0.path, $0.hosts) } ?? codeFlow.map { ($0.path, [$0.host]) }
  }

  /// The host of the issuer's URL, in lower case; nil where the issuer is no URL.
  public var issuerHost: String? { WebAddress(policy.issuer)?.host.lowercased() }
}

/// Where an issuer says what it is, on its host.
public enum IssuerDocuments {
  /// OpenID Connect Discovery 1.0 §4.
  public static let discovery = "/.well-known/openid-configuration"
  /// RFC 8414 §3.
  public static let metadata = "/.well-known/oauth-authorization-server"

  static let paths = [discovery, metadata]

  /// Where both are for an issuer: OpenID Connect Discovery 1.0 §4 has the issuer's path before, RFC 8414 §3.1 behind.
  ///
  /// - Parameter issuer: A URL.
  static func paths(ofIssuer issuer: String) -> [String] {
    let parts = issuer.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
    var path = parts.count > 3 ? "/" + parts[3] : ""
    while path.hasSuffix("/") { path.removeLast() }
    return [path + discovery, metadata + path]
  }
}

/// Where a provider's keys come from.
public enum KeyLocation: Sendable, Hashable {
  /// Nowhere: every token is introspected.
  case none
  case jwksURL(String)
  /// `issuer` + `/.well-known/openid-configuration`.
  case discovery
  case jwksFile(String)
  case secretFile(String)
  /// This gateway's own keys: a folder, and the algorithm of new ones.
  case signing(folder: String, algorithm: SignatureAlgorithm)
  /// A secret of this gateway's, which others share, and the folder of sign-ins. Former secrets verify and do not sign.
  case signingSecret(folder: String, file: String, former: [String], algorithm: SignatureAlgorithm)
}

/// How often another of the gateway's own keys signs, and how long the one before is good after that.
public struct KeyRotationConfiguration: Sendable, Hashable {
  public var every: Duration
  public var keepFor: Duration
}

/// Whether tokens that are bound to a key pass with a proof of it (RFC 9449), and others without.
public enum DPoPUse: String, Sendable, Hashable, CaseIterable {
  case off
  case allowed
  case required
}

/// Where a token may stand in a request. Authorization is looked at first, then a WebSocket's protocols, then cookies in
/// their order.
public enum CredentialSource: Sendable, Hashable {
  case authorization
  case cookie(String)
  /// The access cookie of `sign_in`; a provider's own list names it as `cookie`.
  case signInCookie
  /// The cookie of a session of `code_flow`.
  case session(String)
  /// `Sec-WebSocket-Protocol: bearer, TOKEN`.
  case webSocketProtocol
}
