/// How users sign in at the gateway, and how long what they get is valid.
public struct SignInConfiguration: Sendable, Equatable {
  /// Who may sign in, as it was read with the configuration.
  public var users: UsersFile
  /// The prefix of its pages: one or more segments of lower-case letters, digits, `-` and `_`, without a slash at the
  /// end.
  public var path: String
  /// The hosts that have the pages: in lower case, without ports.
  public var hosts: [String]
  /// How long an access token is valid.
  public var lifetimeSeconds: Int64
  /// How long a sign-in lasts, however often it is used.
  public var refreshSeconds: Int64
  /// How long a sign-in lasts without being used; by default `refreshSeconds`.
  public var idleSeconds: Int64
  /// The heading of the login page.
  public var title: String
  /// The image above the heading; nil: none.
  public var logo: Logo?
  /// The colour of the page's button as `#rrggbb`; nil: the gateway's own.
  public var accent: String?
  /// The names and attributes of its cookies.
  public var cookies: SignInCookies

  /// The most bytes of the URL at which a browser goes on after it has signed in; a longer one is forgotten.
  public static let returnToBytesMax = 2048

  /// A configuration of which nothing is checked: it is validated where it is read.
  public init(
    users: UsersFile, path: String, hosts: [String], lifetimeSeconds: Int64, refreshSeconds: Int64, idleSeconds: Int64,
    title: String, logo: Logo?, accent: String?, cookies: SignInCookies
  ) {
    self.users = users
    self.path = path
    self.hosts = hosts
    self.lifetimeSeconds = lifetimeSeconds
    self.refreshSeconds = refreshSeconds
    self.idleSeconds = idleSeconds
    self.title = title
    self.logo = logo
    self.accent = accent
    self.cookies = cookies
  }

  /// An image of the login page.
  public struct Logo: Sendable, Equatable {
    /// The Content-Type with which it is served.
    public var mediaType: String
    /// The image, at most 64 KiB.
    public var bytes: [UInt8]
  }
}

/// The cookies that a sign-in has in browsers.
public struct SignInCookies: Sendable, Hashable {
  /// Whether browsers reach the gateway by https.
  public enum Transport: Sendable, Hashable {
    /// https: cookies have `__Host-` and `Secure`.
    case secured
    /// http on loopback, of which browsers keep no `__Host-` cookie.
    case clear
  }

  /// Whether browsers reach the gateway by https.
  public let transport: Transport

  /// The cookies of pages that are reached so.
  public init(_ transport: Transport) { self.transport = transport }

  /// Holds the access token.
  public var access: String { name("access") }
  /// Holds the refresh token.
  public var refresh: String { name("refresh") }
  /// Holds the value that a form has to repeat, against forged requests.
  public var login: String { name("login") }

  /// The names of all three.
  public var names: [String] { [access, refresh, login] }

  private func name(_ end: String) -> String { (transport == .secured ? "__Host-" : "") + "portcullis_" + end }

  /// A Set-Cookie field value (RFC 6265bis §4.1, SECURITY C-1).
  public func set(_ name: String, _ value: String, seconds: Int64) -> String {
    "\(name)=\(value); Path=/; Max-Age=\(seconds); HttpOnly; SameSite=Lax" + (transport == .secured ? "; Secure" : "")
  }
}
