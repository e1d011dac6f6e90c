import Access

/// A resource that the gateway protects, and of which it publishes metadata (RFC 9728).
public struct ProtectedResource: Sendable, Hashable {
  /// Its resource identifier (RFC 9728 §1.2).
  public var resource: String
  /// In lower case, without a port.
  public var host: String
  /// The scheme, host and port of `resource`.
  public var origin: String
  /// The path of `resource` in its canonical form; empty where it is the whole host.
  public var path: String
  /// The authorization servers, as indices into `GatewayConfiguration.providers`.
  public var providers: [Int]
  /// Scopes that may be requested for it (`scopes_supported`).
  public var scopes: [String]
  /// A name for people (`resource_name`); nil: none.
  public var name: String?

  private static let wellKnownPath = "/.well-known/oauth-protected-resource"

  /// Where its metadata is answered (RFC 9728 §3.1).
  public var metadataPath: String { ProtectedResource.wellKnownPath + path }
  /// The URL of the metadata, which challenges name as `resource_metadata` (RFC 9728 §5.1).
  public var metadataURL: String { origin + metadataPath }

  /// Whether the route is for requests to it alone, or for those of any host under its path.
  func holds(_ route: RoutePattern) -> Bool {
    let prefix = path.hasSuffix("/") ? path.dropLast() : Substring(path)
    guard let below = try? PathPattern(prefix + "/**") else { return false }
    let hosts: HostPattern = route.host == .any ? .any : .exact(host)
    return RoutePattern(host: hosts, path: below, methods: []).covers(route)
  }
}
