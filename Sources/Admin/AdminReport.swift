public import Configuration
public import Proxy
public import Sockets
public import Telemetry

/// How the gateway is, at one moment.
public struct AdminReport: Sendable {
  public var version = ""
  /// The configuration's file.
  public var file = ""
  public var generation: UInt64 = 0
  public var configuration = EffectiveValue.mapping([])
  public var workers = 0
  /// Seconds since 1970.
  public var nowSeconds: Double = 0
  public var startedAtSeconds: Double = 0
  public var readiness = Readiness.ready
  public var reload = Reload()
  public var openConnections = 0
  /// What all loops have counted.
  public var counts = TrafficCounts()
  /// What of it came in the last minutes, and how many seconds these are.
  public var recent = TrafficVerdicts()
  public var recentSeconds = 0
  /// Which tokens came, on all loops.
  public var census = TokenCensus(since: 0)
  /// What each loop refused last, by kind.
  public var refused: [RecentRefusals.Part] = []
  /// By `MetricNames`' numbers.
  public var routeNames: [String] = []
  public var upstreamNames: [String] = []
  public var providerNames: [String] = []
  public var upstreams: [UpstreamStatus] = []
  public var providers: [Provider] = []
  public var certificates: [Certificate] = []
  public var tried: [TriedRoute] = []
  public var triedProviders: [TriedProvider] = []
  /// Lines of the access log.
  public var logLinesLost: UInt64 = 0
  public var exportedSpans = SpanCounts()
  /// nil: it was not asked for.
  public var process: ProcessUsage?
  /// Whether it is for others than this machine: without what claims say, and what the configuration does.
  private(set) var isPublic = false

  public init() {}

  /// Leaves out what is not for others than this machine.
  mutating func hideWhatIsPrivate() {
    isPublic = true
    reload.hideTexts()
  }

  /// Adds what one loop has said.
  public mutating func add(_ traffic: LoopTraffic) {
    counts.add(traffic.counts)
    refused += traffic.refusals
    census.add(traffic.census)
  }

  /// Whether a load balancer should send traffic.
  public enum Readiness: Sendable, Equatable {
    case ready
    /// It does not accept yet, or has no keys yet of these providers.
    case starting(without: [String])
    case draining

    var text: String {
      switch self {
      case .ready: "ready"
      case .starting(let missing) where missing.isEmpty: "starting"
      case .starting(let missing): "starting: no keys yet of \(missing.joined(separator: ", "))"
      case .draining: "draining"
      }
    }
  }

  /// How reloads went.
  public struct Reload: Sendable {
    public var done: UInt64 = 0
    public var refused: UInt64 = 0
    /// When the configuration in force was taken, in seconds since 1970.
    public var takenAtSeconds: Double = 0
    /// What the configuration in force has that the one before it had not; empty: there was none.
    public var changes = ""
    /// Keys of the file that take effect with SIGUSR2 or a restart, and are others than those in force.
    public var pending: [String] = []
    /// How long the configuration in force is still on trial; nil: it is not.
    public var canarySecondsLeft: Int64?
    /// What was wrong with the last one; empty: nothing.
    public var faults: [String] = []

    public init() {}

    /// They quote the configuration, and what it takes from the environment.
    mutating func hideTexts() {
      changes = ""
      if !faults.isEmpty { faults = ["the log says what is wrong, in \(faults.count) places"] }
    }
  }

  /// A certificate that is shown to clients or upstreams.
  public struct Certificate: Sendable {
    public let file: String
    /// Its notAfter, in seconds since 1970.
    public let expiresAtSeconds: Double

    public init(file: String, expiresAtSeconds: Double) {
      self.file = file
      self.expiresAtSeconds = expiresAtSeconds
    }
  }

  /// The keys of a provider.
  public struct Provider: Sendable {
    public let name: String
    public let issuer: String
    /// nil: it needs none, as it asks the issuer about every token, or its clients are known by certificates.
    public let keys: Int?
    /// When they were fetched or read, in seconds since 1970; nil: there are none.
    public let fetchedAtSeconds: Double?
    /// Fetches that failed since, in a row.
    public let failures: Int
    public let accepts: AcceptedTokens

    public init(
      name: String, issuer: String, keys: Int?, fetchedAtSeconds: Double?, failures: Int,
      accepts: AcceptedTokens = AcceptedTokens()
    ) {
      self.name = name
      self.issuer = issuer
      self.keys = keys
      self.fetchedAtSeconds = fetchedAtSeconds
      self.failures = failures
      self.accepts = accepts
    }
  }
}
