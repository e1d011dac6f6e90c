public import Access
public import HTTP

/// One rule: which requests it is for, who may send them, and where they go.
public struct RouteConfiguration: Sendable, Equatable {
  /// Where its path is in the file.
  public var position: Position
  /// Spellings of paths that the route accepts and that are refused otherwise.
  public var pathTraitsKept: PathTraits
  /// `name`, or the pattern as written: unique, and what the access log calls it.
  public var name: String
  /// Which requests it is for.
  public var pattern: RoutePattern
  /// Who may send them.
  public var rule: AccessRule
  /// When to stop enforcing what is tried for a share of the senders; nil: it is enforced for nobody, or nothing is
  /// tried.
  public var enforcementBudget: EnforcementBudget?
  /// Indices into `GatewayConfiguration.providers`, in the order written; empty with `auth: none`.
  public var providers: [Int]
  /// Header fields that tell the upstream who the sender is.
  public var identity: IdentityMapping
  /// A signed token that tells the upstream who the sender is; nil: there is none.
  public var assertion: AssertionConfiguration?
  /// Where allowed requests go.
  public var destination: Destination
  /// The URL of the metadata of the resource that it is part of (RFC 9728); nil: it is part of none.
  public var resourceMetadata: String?
  /// How the path to forward is made; nil: it is the request's.
  public var rewrite: PathRewrite?
  /// Header fields of the forwarded request that the route sets or removes.
  public var headers: HeaderChanges
  /// Whether the upstream sees the credential.
  public var token: TokenForwarding
  /// Pages of other origins that may use it; nil: preflights are requests like any other.
  public var cors: CORSConfiguration?
  /// How many requests one sender may send; nil: any number.
  public var rateLimit: RateLimit?
  /// Protocols that an allowed request may upgrade to (RFC 9110 §7.8), in lower case; empty: none.
  public var upgrades: [String]
  /// Whether a tunnel ends with its token.
  public var onExpiry: TunnelExpiry
  /// Which clients it is open to, by address; nil: all.
  public var clients: ClientAddresses?
  /// Bytes of a request body; nil: no limit. The default of `limits` has been filled in.
  public var bodyBytesMax: UInt64?
  /// Bytes per second that a client must send of a body, and read of a response; nil: no limit. The default of `limits`
  /// has been filled in.
  public var minimumRate: Int?
  /// Overrides the upstream's `responseTimeout`.
  public var responseTimeout: Duration?

  /// How many providers a route may name: every request whose token is not cached is compared with all of them.
  public static let providersMax = 8

  /// Where allowed requests go.
  public enum Destination: Sendable, Hashable {
    /// An index into `GatewayConfiguration.upstreams`.
    case upstream(Int)
    /// Nowhere: the client is sent elsewhere.
    case redirect(RedirectConfiguration)
  }

  /// Whether the client's Destination field is forwarded. It names a second path, about which nothing is decided (RFC
  /// 4918 §10.3), so only where the route names one of the methods that it belongs to.
  public var keepsDestination: Bool {
    pattern.methods.contains { RouteConfiguration.methodsWithDestination.contains($0) }
  }

  static let methodsWithDestination = ["COPY", "MOVE"]
}

/// What becomes of the credential that authenticated the request.
public enum TokenForwarding: String, Sendable, Hashable, CaseIterable {
  /// The upstream does not see it.
  case remove
  /// The upstream gets it as it came.
  case forward
}

/// What a route changes in the head of the forwarded request, besides what the gateway always changes.
public struct HeaderChanges: Sendable, Hashable {
  /// Written instead of the client's lines of the same name.
  public var set: [Header] = []
  /// Names whose lines are left out.
  public var removed: [String] = []

  /// A field line: its name is a token, its value visible ASCII and inner spaces.
  public struct Header: Sendable, Hashable {
    /// The field name, as written.
    public var name: String
    /// The field value.
    public var value: String
  }
}

/// What becomes of a tunnel when the token that opened it is no longer good.
public enum TunnelExpiry: String, Sendable, Hashable, CaseIterable {
  /// The tunnel is closed.
  case close
  /// The tunnel stays open.
  case keep
}
