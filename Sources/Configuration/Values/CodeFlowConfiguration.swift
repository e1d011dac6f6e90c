/// How browsers sign in at an OpenID provider, and how long their sessions are good.
public struct CodeFlowConfiguration: Sendable, Equatable {
  /// What the provider calls this gateway.
  public var clientID: String
  /// nil: it proves nothing, but by PKCE that it began (RFC 6749 §2.1, a public client).
  public var clientAuthentication: IntrospectionConfiguration.ClientAuthentication?
  /// `openid` is the first.
  public var scopes: [String]
  /// Where browsers find this gateway: scheme, host and port, without a slash at the end.
  public var origin: String
  /// The host of `origin`, in lower case, without a port.
  public var host: String
  /// Where its own paths are: one or more segments of lower-case letters, digits, `-` and `_`.
  public var path: String
  /// Whether the provider is asked for more claims than the ID token has (OpenID Connect Core 1.0 §5.3).
  public var asksUserinfo: Bool
  /// How long a session lasts, however often it is used.
  public var lifetimeSeconds: Int64
  /// How long a session lasts without being used.
  public var idleSeconds: Int64
  /// Where a browser goes on after it has signed out: a path of `origin`.
  public var afterLogout: String
  /// The folder of the sessions, and of the secret that seals what browsers keep.
  public var stateFolder: String
  public var cookies: SessionCookies

  public init(
    clientID: String, clientAuthentication: IntrospectionConfiguration.ClientAuthentication?, scopes: [String],
    origin: String, host: String, path: String, asksUserinfo: Bool, lifetimeSeconds: Int64, idleSeconds: Int64,
    afterLogout: String, stateFolder: String, cookies: SessionCookies
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

  /// Of `acr_values`, by which a browser is sent to be authenticated anew: it travels in a cookie.
  public static let contextClassesBytesMax = 256
  /// Of where a browser goes on after its way to the provider; what is longer is forgotten. With the number of such ways
  /// it bounds the cookies that browsers send.
  public static let returnToBytesMax = 1024

  /// Where the provider sends browsers back to (SECURITY C-6).
  public var redirectURI: String { "\(origin)\(path)/callback" }
}

/// The cookies that the code flow has in browsers.
public struct SessionCookies: Sendable, Hashable {
  public let transport: SignInCookies.Transport

  public init(_ transport: SignInCookies.Transport) { self.transport = transport }

  /// Holds the session's id.
  public var session: String { prefix + "session" }
  /// What the names of those begin with that hold the state of a way to the provider.
  public var flowPrefix: String { prefix + "flow_" }

  private var prefix: String { (transport == .secured ? "__Host-" : "") + "portcullis_" }

  /// A Set-Cookie field value (RFC 6265bis §4.1, SECURITY C-1).
  public func set(_ name: String, _ value: String, seconds: Int64) -> String {
    "\(name)=\(value); Path=/; Max-Age=\(seconds); HttpOnly; SameSite=Lax" + (transport == .secured ? "; Secure" : "")
  }
}
