/// The listener on which operators see how the gateway is doing.
public struct AdminConfiguration: Sendable, Hashable {
  /// Where it listens, in clear and without asking for a credential.
  public var address: ListenAddress
  /// Names, in lower case, that it answers to besides `localhost` and IP addresses.
  public var hosts: [String] = []
  /// Whether other machines may reach it. Then it only shows, and changes nothing.
  public var isPublic = false
}

extension GatewayConfiguration {
  /// What the admin listener is served with: that listener alone, without routes, and with limits of its own.
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
