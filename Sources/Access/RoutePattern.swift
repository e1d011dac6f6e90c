/// Which requests a route is for.
public struct RoutePattern: Sendable, Hashable {
  public var host: HostPattern
  public var path: PathPattern
  /// Compared bytewise (RFC 9110 §9.1); empty: all. HEAD follows GET.
  public var methods: [String]

  public init(host: HostPattern, path: PathPattern, methods: [String]) {
    self.host = host
    self.path = path
    self.methods = methods
  }
}
