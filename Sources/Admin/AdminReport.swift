public import Configuration
public import Proxy
public import Sockets
public import Telemetry

/// The state of the gateway at one moment.
public struct AdminReport: Sendable {
  /// The program's version.
  public var version = ""
  /// The path of the configuration, as the operator named it.
  public var file = ""
  /// The number of the configuration in force: 1 at the start, one more with each reload.
  public var generation: UInt64 = 0
  /// The configuration in force, with defaults and without secrets.
  public var configuration = EffectiveValue.mapping([])
  /// Event loops that carry traffic.
  public var workers = 0
  /// When the report was made, in seconds since 1970.
  public var nowSeconds: Double = 0
  /// When the process started, in seconds since 1970.
  public var startedAtSeconds: Double = 0
  /// Whether a load balancer should send traffic.
  public var readiness = Readiness.ready
  /// How reloads went.
  public var reload = Reload()
  /// Client connections that are open now.
  public var openConnections = 0
  /// What all loops have counted since they began; empty where they were not asked.
  public var counts = TrafficCounts()
  /// What of `counts` came in the last `recentSeconds`.
  public var recent = TrafficVerdicts()
  /// Between ten and eleven minutes, or less after a start.
  public var recentSeconds = 0
  /// Which tokens arrived, on all loops.
  public var census = TokenCensus(since: 0)
  /// What each loop refused last, by kind.
  public var refused: [RecentRefusals.Part] = []
  /// The names of routes, by `MetricNames`' numbers; 0 stands for none.
  public var routeNames: [String] = []
  /// The names of upstreams, by `MetricNames`' numbers; 0 stands for none.
  public var upstreamNames: [String] = []
  /// The names of providers, by `MetricNames`' numbers; 0 stands for none.
  public var providerNames: [String] = []
  /// The upstreams of the configuration in force, with the health of their servers.
  public var upstreams: [UpstreamStatus] = []
  /// The providers of the configuration in force, with their keys.
  public var providers: [Provider] = []
  /// The certificates that the configuration in force uses, each file once.
  public var certificates: [Certificate] = []
  /// The files that are read again whenever they change.
  public var watchedFiles: [WatchedFile] = []
  /// What went wrong with databases within the last minute.
  public var storeFaults: [StoreFault] = []
  /// The routes that try something.
  public var tried: [TriedRoute] = []
  /// The providers that enforce what they try for a share of the senders.
  public var triedProviders: [TriedProvider] = []
  /// Lines of the access log that could not be written, since the process started.
  public var logLinesLost: UInt64 = 0
  /// What became of spans for the collector.
  public var exportedSpans = SpanCounts()
  /// What the process uses; nil: it was not asked for.
  public var process: ProcessUsage?
  /// Whether it may be shown to other machines, without what claims say and without what the configuration says.
  private(set) var isPublic = false

  /// An empty report.
  public init() {}

  /// Leaves out what other machines must not see.
  mutating func hideWhatIsPrivate() {
    isPublic = true
    reload.hideTexts()
    for index in watchedFiles.indices { watchedFiles[index].hideText() }
    for index in storeFaults.indices { storeFaults[index].hideText() }
  }

  /// Adds what one loop has counted and refused.
  public mutating func add(_ traffic: LoopTraffic) {
    counts.add(traffic.counts)
    refused += traffic.refusals
    census.add(traffic.census)
  }

  /// Whether a load balancer should send traffic.
  public enum Readiness: Sendable, Equatable {
    /// It accepts connections, and has the keys it needs, or has waited long enough for them.
    case ready
    /// It does not accept connections yet, or has no keys yet of these providers.
    case starting(without: [String])
    /// It is ending, and no longer accepts connections, or soon will not.
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
    /// Reloads that took effect, since the process started.
    public var done: UInt64 = 0
    /// Reloads that were refused, and configurations that were rolled back, since the process started.
    public var refused: UInt64 = 0
    /// When the configuration in force took effect, in seconds since 1970.
    public var takenAtSeconds: Double = 0
    /// How the configuration in force differs from the one before it; empty: there was none.
    public var changes = ""
    /// Keys of the file that differ from those in force and take effect with SIGUSR2 or a restart.
    public var pending: [String] = []
    /// How long the configuration in force is still on trial; nil: it is not.
    public var canarySecondsLeft: Int64?
    /// What was wrong with the last reload; empty: nothing.
    public var faults: [String] = []

    /// No reload so far.
    public init() {}

    /// They quote the configuration, and what it takes from the environment.
    mutating func hideTexts() {
      changes = ""
      if !faults.isEmpty { faults = ["the log says what is wrong, in \(faults.count) places"] }
    }
  }

  /// A file that is read again whenever it changes, without a reload.
  public struct WatchedFile: Sendable {
    /// What the file says.
    public enum Kind: Sendable, Equatable {
      /// Which tokens are refused.
      case revocations
      /// Who may sign in at this provider.
      case users(provider: String)
    }

    /// What the file says.
    public let kind: Kind
    /// Why it cannot be used as it is now, so that what was read before stays in force; nil: it can.
    public private(set) var fault: String?

    /// A file as it was found last.
    public init(_ kind: Kind, fault: String?) {
      self.kind = kind
      self.fault = fault
    }

    /// It quotes the file.
    mutating func hideText() {
      if fault != nil { fault = "the log says what is wrong" }
    }
  }

  /// A database that could not be read or written a moment ago.
  public struct StoreFault: Sendable {
    /// What it holds.
    public enum Kind: Sendable {
      /// Who has signed in here.
      case signIns
      /// Who has signed in at the issuer.
      case sessions
    }

    /// What it holds.
    public let kind: Kind
    /// The name of the provider that it is of.
    public let provider: String
    /// The database's word.
    public private(set) var why: String

    /// What went wrong last.
    public init(_ kind: Kind, of provider: String, why: String) {
      self.kind = kind
      self.provider = provider
      self.why = why
    }

    /// It names files.
    mutating func hideText() { why = "the log says what is wrong" }
  }

  /// A certificate that is presented to clients or upstreams.
  public struct Certificate: Sendable {
    /// The path of its file.
    public let file: String
    /// Its notAfter, in seconds since 1970.
    public let expiresAtSeconds: Double

    /// A certificate that was read from `file`.
    public init(file: String, expiresAtSeconds: Double) {
      self.file = file
      self.expiresAtSeconds = expiresAtSeconds
    }
  }

  /// The keys of a provider.
  public struct Provider: Sendable {
    /// The provider's key under `providers`.
    public let name: String
    /// The `iss` of its tokens.
    public let issuer: String
    /// How many keys are in use; nil: it needs none, as the issuer is asked about every token, or its clients are known
    /// by certificates.
    public let keys: Int?
    /// When its keys were last fetched or read, in seconds since 1970, also where they are too old to be used now; nil:
    /// it never had any.
    public let fetchedAtSeconds: Double?
    /// Consecutive fetches that have failed since.
    public let failures: Int
    /// Whether they are fetched from the issuer; otherwise they are files of this machine.
    public let areRemote: Bool
    /// What its tokens may be like.
    public let accepts: AcceptedTokens
    /// Whether the gateway issues its tokens, to people in its users file (`sign_in`).
    public let hasSignIn: Bool

    /// A provider's keys at one moment.
    public init(
      name: String, issuer: String, keys: Int?, fetchedAtSeconds: Double?, failures: Int,
      areRemote: Bool = true, accepts: AcceptedTokens = AcceptedTokens(), hasSignIn: Bool = false
    ) {
      self.name = name
      self.issuer = issuer
      self.keys = keys
      self.fetchedAtSeconds = fetchedAtSeconds
      self.failures = failures
      self.areRemote = areRemote
      self.accepts = accepts
      self.hasSignIn = hasSignIn
    }
  }
}
