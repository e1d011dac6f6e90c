/// How browsers sign in at an OpenID provider, and how long their sessions are good.
public struct CodeFlowConfiguration: Sendable, Equatable {
  /// The gateway's `client_id` at the provider (RFC 6749 §2.2).
  public var clientID: String
  /// How the gateway proves at the token endpoint who it is; nil: not at all, as a public client (RFC 6749 §2.1).
  public var clientAuthentication: IntrospectionConfiguration.ClientAuthentication?
  /// The scopes that are requested, `openid` first.
  public var scopes: [String]
  /// Where browsers find this gateway: scheme, host and port, without a slash at the end.
  public var origin: String
  /// The host of `origin`, in lower case, without a port.
  public var host: String
  /// Where its own paths are: one or more segments of lower-case letters, digits, `-` and `_`.
  public var path: String
  /// Whether the UserInfo endpoint is asked for claims that the ID token does not have (OpenID Connect Core 1.0 §5.3).
  public var asksUserinfo: Bool
  /// How long a session lasts, however often it is used.
  public var lifetimeSeconds: Int64
  /// How long a session lasts without being used, at most `lifetimeSeconds`.
  public var idleSeconds: Int64
  /// Where a browser is sent after it has signed out: a path of `origin`.
  public var afterLogout: String
  /// The folder of the sessions, and of the secret that seals what browsers keep.
  public var stateFolder: NamedFile
  /// The names and attributes of its cookies.
  public var cookies: SessionCookies

  /// A code flow of which nothing is checked: configurations are validated where they are read.
  public init(
    clientID: String, clientAuthentication: IntrospectionConfiguration.ClientAuthentication?, scopes: [String],
    origin: String, host: String, path: String, asksUserinfo: Bool, lifetimeSeconds: Int64, idleSeconds: Int64,
    afterLogout: String, stateFolder: NamedFile, cookies: SessionCookies
  ) {
    self.clientID = clientID
    self.clientAuthentication = clientAuthentication
    self.scopes = scopes
    self.origin = origin
    self.host = host
    self.path = path
    self.asksUserinfo = asksUserinfo
    self.lifetimeSeconds = lifetimeSeconds
    self.idleSeconds = idleSeconds
    self.afterLogout = afterLogout
    self.stateFolder = stateFolder
    self.cookies = cookies
  }

  /// The most bytes of `acr_values` with which a browser is sent to authenticate again: they travel in `state`.
  public static let contextClassesBytesMax = 256
  /// The most bytes of the URL at which a browser goes on after it has been at the provider; a longer one is forgotten.
  /// It travels in `state`, sealed, and so makes the URLs of the provider and of the callback longer by a third more.
  public static let returnToBytesMax = 1024

  /// Where the provider sends browsers back to (SECURITY C-6).
  public var redirectURI: String { "\(origin)\(path)/callback" }
}

/// The cookies that the code flow has in browsers.
public struct SessionCookies: Sendable, Hashable {
  /// Whether browsers reach the gateway by https.
  public let transport: SignInCookies.Transport

  /// The cookies of pages that are reached so.
  public init(_ transport: SignInCookies.Transport) { self.transport = transport }

  /// Holds the session's id.
  public var session: String { prefix + "session" }
  /// What the names of the cookies begin with that hold the state of a visit to the provider.
  public var flowPrefix: String { prefix + "flow_" }

  private var prefix: String { (transport == .secured ? "__Host-" : "") + "portcullis_" }

  /// A Set-Cookie field value (RFC 6265bis §4.1, SECURITY C-1).
  public func set(_ name: String, _ value: String, seconds: Int64) -> String {
    "\(name)=\(value); Path=/; Max-Age=\(seconds); HttpOnly; SameSite=Lax" + (transport == .secured ? "; Secure" : "")
  }
}
