import Access

/// What the gateway protects, and publishes metadata of (RFC 9728).
public struct ProtectedResource: Sendable, Hashable {
  /// Its resource identifier (RFC 9728 §1.2).
  public var resource: String
  /// In lower case, without a port.
  public var host: String
  /// The URL without its path.
  public var origin: String
  /// Canonical; empty where the resource is the whole host.
  public var path: String
  /// Indices into `GatewayConfiguration.providers`.
  public var providers: [Int]
  public var scopes: [String]
  /// For people; nil: none.
  public var name: String?

  private static let wellKnownPath = "/.well-known/oauth-protected-resource"

  /// Where its metadata is answered (RFC 9728 §3.1).
  public var metadataPath: String { ProtectedResource.wellKnownPath + path }
  public var metadataURL: String { origin + metadataPath }

  /// Whether the route is for requests to it alone, or for those of any host under its path.
  func holds(_ route: RoutePattern) -> Bool {
    let prefix = path.hasSuffix("/") ? path.dropLast() : Substring(path)
    guard let below = try? PathPattern(prefix + "/**") else { return false }
    let hosts: HostPattern = route.host == .any ? .any : .exact(host)
    return RoutePattern(host: hosts, path: below, methods: []).covers(route)
  }
}
