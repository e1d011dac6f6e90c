public import Access
public import Tokens

/// Everything that `gateway.conf` says, validated: names resolve, durations and sizes are in range.
public struct GatewayConfiguration: Sendable {
  /// The file that it was read from, as the operator named it.
  public var file: String
  /// Where connections are accepted; at least one.
  public var listeners: [ListenerConfiguration]
  /// The listener for operators; nil: there is none.
  public var admin: AdminConfiguration?
  /// Where traces and metrics are sent; nil: nowhere.
  public var otlp: OTLPConfiguration?
  /// Event loops that carry traffic, 1 to 64. `auto` has been resolved to the number of processors.
  public var workers: Int
  /// How a changed file is loaded.
  public var reload: ReloadConfiguration
  /// What is logged, and where.
  public var log: LogConfiguration
  /// Limits on what a client may send.
  public var limits: LimitsConfiguration
  /// How long the gateway waits for clients, and for itself to stop.
  public var timeouts: TimeoutsConfiguration
  /// Proxies in front whose `Forwarded`, `X-Forwarded-*` and `X-Request-Id` are trusted; empty: none.
  public var trustedProxies: TrustedProxies
  /// Proxies that ask whether a request may pass, and forward it themselves; nil: there are none.
  public var forwardAuth: ForwardAuthConfiguration?
  /// The file of tokens that are refused although they verify; nil: there is none.
  public var revocations: RevocationsConfiguration?
  /// Hosts whose paths are matched whatever the case of their letters.
  public var caseInsensitivePaths: [HostPattern]
  /// Whose tokens are accepted, in the order of the file; others refer to them by index.
  public var providers: [ProviderConfiguration]
  /// Where requests go, in the order of the file; routes refer to them by index.
  public var upstreams: [UpstreamConfiguration]
  /// In the order of the file: the first that matches wins.
  public var routes: [RouteConfiguration]
  /// Requests, and what the routes must decide about them.
  public var tests: [PolicyTest]
  /// Resources of which metadata is published (RFC 9728).
  public var protectedResources: [ProtectedResource]
  /// The files that a reload reads, and that are not checked for changes otherwise: this one, and those that it names,
  /// except for users and revoked tokens.
  public var filesRead: [String] = []
  /// What the file says that is allowed, and probably not meant. `RouteReview` finds what shows only when its routes
  /// are looked at together.
  public var warnings: [Diagnostic] = []
  /// What the file itself contains that is probably a secret.
  public var secretsWritten: [WrittenSecret] = []
  /// The owner of the gateway's own files, where a command that root runs has read them and they do not belong to root;
  /// else nil.
  public var gatewayOwner: (user: UInt32, group: UInt32)?
  /// What the file says, with defaults and without secrets, to be shown to operators.
  public var effective = EffectiveValue.mapping([])
}

extension GatewayConfiguration {
  /// Which claims the access log says, by the index of the provider; empty: none of any.
  public var loggedClaims: [ClaimSelection] {
    guard case .ofRules(let others) = log.claims else { return [] }
    return providers.map { provider in
      ClaimSelection(routes.flatMap { $0.rule.requirementWithTried.claimPaths(provider.policy.claims) } + others)
    }
  }
}
