/// Where operators see how the gateway is doing.
public struct AdminConfiguration: Sendable, Hashable {
  public var address: ListenAddress
  /// Names, in lower case, under which it is asked beside `localhost` and addresses.
  public var hosts: [String] = []
  /// Whether others than this machine can reach it. Then it shows, and changes nothing.
  public var isPublic = false
}

extension GatewayConfiguration {
  /// What the admin listener is served by: nothing but its Responder.
  public var forAdmin: GatewayConfiguration {
    var own = self
    own.listeners = admin.map { [ListenerConfiguration(address: $0.address)] } ?? []
    own.otlp = nil
    own.workers = 1
    own.limits = LimitsConfiguration()
    // Whoever reaches it needs no credential: one machine must not keep the others out, nor hold what it does not use.
    own.limits.connectionsMax = 256
    own.limits.connectionsPerAddressMax = 32
    own.timeouts.head = .seconds(5)
    own.timeouts.idle = .seconds(5)
    own.trustedProxies = TrustedProxies()
    own.forwardAuth = nil
    own.revocations = nil
    own.caseInsensitivePaths = []
    own.providers = []
    own.upstreams = []
    own.routes = []
    own.tests = []
    own.protectedResources = []
    return own
  }
}
