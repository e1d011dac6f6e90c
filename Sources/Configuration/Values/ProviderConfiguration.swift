public import Access
public import Tokens

/// An issuer whose tokens are accepted, and where its keys come from.
public struct ProviderConfiguration: Sendable, Equatable {
  /// Where a signing provider's public keys are answered (RFC 7517 §5): the gateway's own path.
  public static let publishedKeysPath = "/.well-known/jwks.json"

  /// Its key under `providers`.
  public var name: String
  /// What its tokens must be like.
  public var policy: TokenPolicy
  /// Where the keys come from that verify its tokens.
  public var keys: KeyLocation
  /// A PEM file of the authorities that the issuer's TLS certificate must come from; nil: those of the system.
  public var certificateAuthorityFile: String?
  /// Where its tokens are looked for in a request, in this order.
  public var credentialSources: [CredentialSource]
  /// Whether its tokens come with proofs of possession (RFC 9449).
  public var dpop: DPoPUse
  /// The longest time between two fetches of its keys.
  public var refreshEvery: Duration
  /// How long keys are used while fetching fails, counted from the last fetch that went well; zero: not at all.
  public var staleFor: Duration
  /// The file that keeps a copy of the fetched keys; nil: no copy is kept.
  public var keyCacheFile: String?
  /// How the gateway's own keys are replaced; nil: by hand, or it has none.
  public var keyRotation: KeyRotationConfiguration?
  /// How the issuer is asked about tokens (RFC 7662); nil: it is not.
  public var introspection: IntrospectionConfiguration?
  /// How users sign in at the gateway for its tokens; nil: they do not.
  public var signIn: SignInConfiguration?
  /// How browsers sign in at the issuer and get a session here; nil: they do not.
  public var codeFlow: CodeFlowConfiguration?
  /// Who clients are by their certificates; nil: its clients send tokens.
  public var certificateRule: CertificateRule?
  /// What stops enforcing what is tried on its tokens for a share of the senders; nil: it is for nobody, or nothing is
  /// tried.
  public var enforcementBudget: EnforcementBudget?

  /// The database of sign-ins; nil where the gateway does not sign its tokens.
  public var signInsFile: String? {
    switch keys {
    case .signing(let folder, _), .signingSecret(let folder, _, _, _): "\(folder)/\(name).sign-ins.db"
    default: nil
    }
  }

  /// The algorithm with which the gateway signs its tokens; nil where it does not.
  public var signingAlgorithm: SignatureAlgorithm? {
    switch keys {
    case .signing(_, let algorithm), .signingSecret(_, _, _, let algorithm): algorithm
    default: nil
    }
  }

  /// The database of browsers' sessions; nil without `codeFlow`.
  public var sessionsFile: String? { codeFlow.map { "\($0.stateFolder.path)/\(name).sessions.db" } }

  /// The pages of `signIn` or `codeFlow`: on these hosts the gateway itself answers everything under `path`. nil
  /// without either.
  public var signInPages: (path: String, hosts: [String])? {
    signIn.map { ($0.path, $0.hosts) } ?? codeFlow.map { ($0.path, [$0.host]) }
  }

  /// The host of the issuer's URL, in lower case; nil where the issuer is no URL.
  public var issuerHost: String? { WebAddress(policy.issuer)?.host.lowercased() }
}

/// The paths of the documents in which issuers describe themselves.
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
  /// There are none: every token is introspected.
  case none
  /// A key set (RFC 7517 §5) that is fetched from this URL.
  case jwksURL(String)
  /// `issuer` + `/.well-known/openid-configuration`.
  case discovery
  /// A file with a key set (RFC 7517 §5).
  case jwksFile(String)
  /// A file with the shared secret of HS256, HS384 and HS512.
  case secretFile(String)
  /// This gateway's own keys: a folder, and the algorithm of new ones.
  case signing(folder: String, algorithm: SignatureAlgorithm)
  /// A secret of this gateway's, which others share, and the folder of sign-ins. Former secrets verify and do not sign.
  case signingSecret(folder: String, file: String, former: [String], algorithm: SignatureAlgorithm)
}

/// How the gateway replaces its own keys.
public struct KeyRotationConfiguration: Sendable, Hashable {
  /// How long a key signs before the next one does.
  public var every: Duration
  /// How long a key that was replaced stays published, so that tokens that it signed still verify.
  public var keepFor: Duration
}

/// Whether a provider's tokens may, or must, be bound to a key that the client proves to have (RFC 9449).
public enum DPoPUse: String, Sendable, Hashable, CaseIterable {
  /// No bound token passes.
  case off
  /// Bound tokens pass with a proof, others without one.
  case allowed
  /// Only bound tokens pass, with a proof.
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
