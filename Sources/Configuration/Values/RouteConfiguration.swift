public import Access
public import HTTP

/// One rule: which requests it is for, who may send them, and where they go.
public struct RouteConfiguration: Sendable, Equatable {
  /// Where its path stands in the file.
  public var position: Position
  /// What a path may hold that is refused otherwise.
  public var pathTraitsKept: PathTraits
  /// `name`, or the pattern as written: unique, and what the access log says.
  public var name: String
  public var pattern: RoutePattern
  public var rule: AccessRule
  /// What stops enforcing what is tried for a share of the senders; nil: it is for nobody, or nothing is tried.
  public var enforcementBudget: EnforcementBudget?
  /// Indices into `GatewayConfiguration.providers`, in the order written; empty with `auth: none`.
  public var providers: [Int]
  public var identity: IdentityMapping
  /// nil: none.
  public var assertion: AssertionConfiguration?
  public var destination: Destination
  /// Where the metadata stands of what it protects (RFC 9728); nil: nowhere.
  public var resourceMetadata: String?
  /// How the path that is forwarded is made; nil: it is the request's.
  public var rewrite: PathRewrite?
  public var headers: HeaderChanges
  public var token: TokenForwarding
  public var cors: CORSConfiguration?
  public var rateLimit: RateLimit?
  /// Protocols that a request may go on in, in lower case.
  public var upgrades: [String]
  public var onExpiry: TunnelExpiry
  /// nil: anybody's.
  public var clients: ClientAddresses?
  /// nil: no limit.
  public var bodyBytesMax: UInt64?
  /// Bytes in a second; nil: no limit.
  public var minimumRate: Int?
  /// Overrides the upstream's `responseTimeout`.
  public var responseTimeout: Duration?

  /// Every request without a remembered token is compared with all of them.
  public static let providersMax = 8

  /// Where requests go that are allowed.
  public enum Destination: Sendable, Hashable {
    /// An index into `GatewayConfiguration.upstreams`.
    case upstream(Int)
    case redirect(RedirectConfiguration)
  }

  /// Whether the client's Destination goes upstream: a second path, of which nothing is decided (RFC 4918 §10.3), so only
  /// where the route names one of the methods that it belongs to.
  public var keepsDestination: Bool {
    pattern.methods.contains { RouteConfiguration.methodsWithDestination.contains($0) }
  }

  static let methodsWithDestination = ["COPY", "MOVE"]
}

/// What becomes of the credential that authenticated the request.
public enum TokenForwarding: String, Sendable, Hashable, CaseIterable {
  case remove
  case forward
}

/// What a route changes in the head that is forwarded, beside what the gateway always changes.
public struct HeaderChanges: Sendable, Hashable {
  /// Written instead of the client's lines of the same name.
  public var set: [Header] = []
  /// Names whose lines are left out.
  public var removed: [String] = []

  /// A field line: its name is a token, its value visible ASCII and inner spaces.
  public struct Header: Sendable, Hashable {
    public var name: String
    public var value: String
  }
}

/// What becomes of a tunnel when the token that opened it is no longer good.
public enum TunnelExpiry: String, Sendable, Hashable, CaseIterable {
  case close
  case keep
}
