/// One of `upstreams`: where requests go.
public struct UpstreamConfiguration: Sendable, Hashable {
  /// What answers the requests.
  public enum Kind: Sendable, Hashable {
    /// Servers that requests are forwarded to; at least one.
    case servers([ServerConfiguration])
    /// The gateway, which answers with what it received, as JSON.
    case echo
    /// The gateway, always with the same response.
    case fixed(StaticResponse)
  }

  /// How a server is chosen.
  public enum Balance: Sendable, Hashable {
    /// In turn, as often as its weight says.
    case roundRobin
    /// The one with the fewest requests in flight for its weight.
    case leastRequests
    /// The better one, in this sense, of two that are drawn.
    case randomTwo
  }

  /// Its key under `upstreams`.
  public var name: String
  /// What answers its requests.
  public var kind: Kind
  /// How often the names of servers are resolved.
  public var resolveEvery: Duration
  /// How one of several servers is chosen.
  public var balance: Balance
  /// How servers are checked; nil: only the outcome of requests counts.
  public var health: HealthConfiguration?
  /// Requests in flight at a time, across all its servers; nil: no limit.
  public var connectionsMax: Int?
  /// Requests that may wait while `connectionsMax` are in flight; more are refused at once.
  public var queueMax: Int
  /// To connect, with the TLS handshake.
  public var connectTimeout: Duration
  /// From the request to the first byte of the response, and between two pieces of it.
  public var responseTimeout: Duration
  /// How long an unused connection is kept.
  public var idleTimeout: Duration
  /// Further attempts after a failure that is safe to retry, 0 to 10.
  public var retries: Int
  /// How TLS is spoken to those of its servers that have it.
  public var tls: UpstreamTLSConfiguration
}

extension UpstreamConfiguration {
  /// Whether some of its servers speak TLS.
  public var isSecured: Bool {
    guard case .servers(let servers) = kind else { return false }
    return servers.contains { $0.securedHost != nil }
  }
}

/// How TLS is spoken to servers.
public struct UpstreamTLSConfiguration: Sendable, Hashable {
  /// PEM: the authorities that servers' certificates must come from; nil: those of the system.
  public var authorities: NamedFile?
  /// The name or IP address that certificates must be for; nil: the host of the server.
  public var serverName: String?
  /// What is presented to servers that ask for a certificate; nil: nothing.
  public var certificate: Certificate?

  /// The files of one certificate.
  public struct Certificate: Sendable, Hashable {
    /// PEM: the certificate, then those that lead to an authority that servers trust.
    public var chain: NamedFile
    /// PEM, for its owner's eyes alone.
    public var key: NamedFile
  }
}

/// A server of an upstream, or several that have one name.
public struct ServerConfiguration: Sendable, Hashable {
  /// Where it is.
  public var address: ServerAddress
  /// Its share of the requests, 1 to 100.
  public var weight: Int
  /// Of a server that speaks TLS, its host as written, in lower case and without brackets; nil: it speaks plain HTTP.
  public var securedHost: String?

  /// A server; without `securedHost`, one that speaks plain HTTP.
  public init(_ address: ServerAddress, weight: Int = 1, securedHost: String? = nil) {
    self.address = address
    self.weight = weight
    self.securedHost = securedHost
  }
}

/// Where a server is.
public enum ServerAddress: Sendable, Hashable {
  case ipv4(String, port: UInt16)
  case ipv6(String, port: UInt16)
  /// To be resolved while the gateway runs.
  case name(String, port: UInt16)
  case unix(String)
}

/// How servers are checked.
public struct HealthConfiguration: Sendable, Hashable {
  /// The path to request, with its query where it has one.
  public var path: String
  /// From the start of one check to the next.
  public var every: Duration
  /// From the start of a check to the end of the response head.
  public var timeout: Duration
  /// Consecutive good responses after which a server that is down is up.
  public var rise: Int
  /// Consecutive bad responses, or none, after which a server that is up is down.
  public var fall: Int
  /// The statuses of a good response.
  public var statuses: ClosedRange<Int>
}
