/// Where requests go.
public struct UpstreamConfiguration: Sendable, Hashable {
  public enum Kind: Sendable, Hashable {
    case servers([ServerConfiguration])
    case echo
    /// Always the same response.
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

  public var name: String
  public var kind: Kind
  /// How often names of servers are resolved.
  public var resolveEvery: Duration
  public var balance: Balance
  /// nil: servers are not asked.
  public var health: HealthConfiguration?
  /// Requests that all servers together are given at a time; nil: as many as come.
  public var connectionsMax: Int?
  /// Requests that wait at most while `connectionsMax` are under way.
  public var queueMax: Int
  public var connectTimeout: Duration
  /// To the first byte of the response, and between two pieces of it.
  public var responseTimeout: Duration
  /// How long an idle connection is kept.
  public var idleTimeout: Duration
  /// Further attempts after a failure that is safe to retry, 0 to 10.
  public var retries: Int
  /// Of the servers that speak TLS.
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
  /// PEM: the authorities whose certificates are believed; nil: those of the system.
  public var authorities: NamedFile?
  /// What certificates have to be for, a name or an IP address, and not the host of the server; nil: that.
  public var serverName: String?
  /// What is shown to servers that ask for a certificate; nil: they are shown none.
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
  public var address: ServerAddress
  /// Its share of the requests, 1 to 100.
  public var weight: Int
  /// The host of one that speaks TLS, as it was written: in lower case, without brackets. nil: it speaks in clear.
  public var securedHost: String?

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

/// How servers are asked whether they are well.
public struct HealthConfiguration: Sendable, Hashable {
  /// Of the request, with its query where it has one.
  public var path: String
  public var every: Duration
  /// For the whole exchange.
  public var timeout: Duration
  /// Good answers in a row until a server that is down is up.
  public var rise: Int
  /// Bad ones until one that is up is down.
  public var fall: Int
  /// The statuses of a good response.
  public var statuses: ClosedRange<Int>
}
