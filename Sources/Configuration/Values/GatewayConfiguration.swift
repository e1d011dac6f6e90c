public import Access
public import Tokens

/// Everything that `gateway.conf` says, validated: names resolve, durations and sizes are in range.
public struct GatewayConfiguration: Sendable {
  /// The file that it was read from, as the operator named it.
  public var file: String
  public var listeners: [ListenerConfiguration]
  /// nil: nobody sees how the gateway is doing.
  public var admin: AdminConfiguration?
  /// nil: neither traces nor metrics are sent anywhere.
  public var otlp: OTLPConfiguration?
  /// Event loops that carry traffic, 1 to 64. `auto` has been resolved to the processors there are.
  public var workers: Int
  public var reload: ReloadConfiguration
  public var log: LogConfiguration
  public var limits: LimitsConfiguration
  public var timeouts: TimeoutsConfiguration
  public var trustedProxies: TrustedProxies
  /// nil: no proxy asks.
  public var forwardAuth: ForwardAuthConfiguration?
  /// nil: no token is revoked.
  public var revocations: RevocationsConfiguration?
  /// Hosts whose paths are matched whatever the case of their letters.
  public var caseInsensitivePaths: [HostPattern]
  public var providers: [ProviderConfiguration]
  public var upstreams: [UpstreamConfiguration]
  /// In the order of the file: the first that matches wins.
  public var routes: [RouteConfiguration]
  /// What the routes have to decide.
  public var tests: [PolicyTest]
  public var protectedResources: [ProtectedResource]
  /// Files that are read by a reload and not looked at otherwise: this one, and those that it names, but for users and
  /// revoked tokens.
  public var filesRead: [String] = []
  /// What the file says that is allowed, and probably not meant. `RouteReview` finds what shows only when its routes are
  /// seen together.
  public var warnings: [Diagnostic] = []
  /// What the file itself holds that is probably a secret.
  public var secretsWritten: [WrittenSecret] = []
  /// Whom the gateway's own files belong to, where a command that root runs has read them, and that is not root.
  public var gatewayOwner: (user: UInt32, group: UInt32)?
  /// For operators: what the file says, with defaults, and without secrets.
  public var effective = EffectiveValue.mapping([])
}

extension GatewayConfiguration {
  /// Per provider, the claims of its tokens that the access log says; empty: it says none.
  public var loggedClaims: [ClaimSelection] {
    guard case .ofRules(let others) = log.claims else { return [] }
    return providers.map { provider in
      ClaimSelection(routes.flatMap { $0.rule.requirementWithTried.claimPaths(provider.policy.claims) } + others)
    }
  }
}
