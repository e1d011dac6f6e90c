/// How people sign in at the gateway, and how long what they get is good.
public struct SignInConfiguration: Sendable, Equatable {
  /// Who may sign in, as it was read with the configuration.
  public var users: UsersFile
  /// Where its pages are: one or more segments of lower-case letters, digits, `-` and `_`, without a slash at the end.
  public var path: String
  /// In lower case, without ports.
  public var hosts: [String]
  /// Of access tokens.
  public var lifetimeSeconds: Int64
  /// How long a sign-in lasts, however often it is used.
  public var refreshSeconds: Int64
  /// How long a sign-in lasts without being used.
  public var idleSeconds: Int64
  public var title: String
  public var logo: Logo?
  /// Of the page's button, as `#rrggbb`; nil: the gateway's own.
  public var accent: String?
  public var cookies: SignInCookies

  /// Of where a browser goes on after it has signed in; what is longer is forgotten.
  public static let returnToBytesMax = 2048

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

  /// A picture of the login page.
  public struct Logo: Sendable, Equatable {
    public var mediaType: String
    public var bytes: [UInt8]
  }
}

/// The cookies that a sign-in has in browsers.
public struct SignInCookies: Sendable, Hashable {
  public enum Transport: Sendable, Hashable {
    case secured
    /// http on loopback: browsers keep no `__Host-` cookie of it.
    case clear
  }

  public let transport: Transport

  public init(_ transport: Transport) { self.transport = transport }

  /// Holds the access token.
  public var access: String { name("access") }
  /// Holds the refresh token.
  public var refresh: String { name("refresh") }
  /// Holds what a form has to repeat.
  public var login: String { name("login") }

  public var names: [String] { [access, refresh, login] }

  private func name(_ end: String) -> String { (transport == .secured ? "__Host-" : "") + "portcullis_" + end }

  /// A Set-Cookie field value (RFC 6265bis §4.1, SECURITY C-1).
  public func set(_ name: String, _ value: String, seconds: Int64) -> String {
    "\(name)=\(value); Path=/; Max-Age=\(seconds); HttpOnly; SameSite=Lax" + (transport == .secured ? "; Secure" : "")
  }
}
