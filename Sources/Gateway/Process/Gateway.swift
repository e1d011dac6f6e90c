import Admin
import ArgumentParser
import Configuration
import Dispatch
import Glibc
import Introspection
import Keys
import Logging
import OTLP
import Proxy
import SignIn
import Sockets
import TLS
import Telemetry
import Tokens

/// Why the program ends.
struct GatewayFault: Error {
  let message: String
  let status: ExitCode

  /// What `body` returns. What it throws is a fault that ends the program with `status`, and says `prefix` first.
  static func raised<Value: ~Copyable>(
    as status: ExitCode, _ prefix: String = "", _ body: () throws -> Value
  ) throws(GatewayFault) -> Value {
    do {
      return try body()
    } catch {
      throw GatewayFault(message: "\(prefix)\(error)", status: status)
    }
  }
}

/// The running gateway: what is wired to what, and what signals do. Lives on the control loop, which carries no traffic.
final class Gateway {
  let path: String
  let control: EventLoop
  let log: Logger
  let logWriter: ProgramLogWriter
  let accessLog: AccessLog
  let serviceManager: ServiceManager
  /// The way back to this loop; nil: it has not begun.
  var bound: LoopBound<Gateway>?
  var active: ActiveConfiguration
  let keyStore: KeyStore
  var introspection: IntrospectionClients
  let upstreams: Upstreams
  let server: Server
  let tickets = TicketKeys()
  var tls: ListenerContexts
  let revocations: RevocationWatcher
  let endedSignIns: EndedSignIns
  let signIns: SignIns
  let codeFlows: CodeFlows
  /// What counters are called.
  let metricNames = MetricNames()
  let exporter: OTLPExporter
  var exporting = ExportProgress()
  /// Nothing is under way any more; what is to be exported may be.
  var isEnding = false
  var hasEnded = false
  /// nil: nobody asks, or not yet.
  var adminServer: Server?
  let startedAt = Double(WallClock.nanoseconds) / 1e9
  var acceptedTokens: AcceptedTokensOfAll
  /// nil: not yet.
  var servesSince: MonotonicTime?
  var reloads = AdminReport.Reload()
  var reloading = ReloadProgress()
  var gathering = ReportGathering()
  var canaryState = CanaryState()
  var watching = Watching()
  var recentTraffic = RecentTraffic(from: MonotonicTime.current)
  var revoking = RevocationProgress()
  var signals: [any DispatchSourceSignal] = []
  /// Signals that are handled, and loops that accept.
  var stepsDone = 0
  var sockets: ListenerSockets
  let handover: Handover
  /// Until this process serves, where another one hands over to it.
  var takeover: Takeover?
  var isDraining = false
  var loopsDrained = 0
  var loopsCut = 0
  /// Why it ends.
  var endsBecause = "drained"
  /// Those that the configuration in force shows.
  var certificates: [AdminReport.Certificate]

  private init(
    _ configuration: GatewayConfiguration, revoked: RevocationFile?, files: TLSFiles,
    inherited: InheritedSockets, connectionRoom: Int, control: EventLoop, log: Logger, logWriter: ProgramLogWriter
  ) throws(GatewayFault) {
    path = configuration.file
    certificates = files.certificates
    acceptedTokens = AcceptedTokensOfAll(configuration)
    let (passed, predecessor) = inherited.release()
    takeover = predecessor.map(Takeover.init)
    handover = Handover(log: log)
    serviceManager = ServiceManager(environment: Process.environment, log: log)
    self.control = control
    self.log = log
    self.logWriter = logWriter
    accessLog = try GatewayFault.raised(as: ExitStatus.cannotCreate) {
      try AccessLog(configuration.log) { $0.write(to: log) }
    }
    do throws(KeyStoreError) {
      keyStore = try KeyStore(sources: KeySource.all(of: configuration), loop: control) { $0.write(to: log) }
    } catch {
      throw GatewayFault(message: "\(error)", status: Gateway.status(of: error, configuration))
    }
    exporter = OTLPExporter(version: Portcullis.version, instance: Gateway.makeInstanceID(), loop: control) {
      $0.write(to: log)
    }
    endedSignIns = EndedSignIns { WallClock.seconds }
    signIns = SignIns(endedSignIns, loop: control, log: log)
    codeFlows = CodeFlows(endedSignIns, loop: control, log: log)
    let opened = try OpenedServices(configuration, signIns, codeFlows, exporter, loop: control, log: log)
    introspection = opened.introspection
    exporter.take(opened.export)
    active = ActiveConfiguration(
      configuration, generation: 1, responders: opened.takeEffect(configuration, signIns, codeFlows, keyStore),
      metricNames: metricNames)
    tls = try GatewayFault.raised(as: ExitStatus.unavailable, Gateway.tlsFailed) { [tickets] in
      try ListenerContexts(files.listeners, tickets: tickets, workers: configuration.workers)
    }
    upstreams = try GatewayFault.raised(as: ExitStatus.unavailable, Gateway.tlsFailed) {
      try Upstreams(files.upstreams, workers: configuration.workers, loop: control) { $0.write(to: log) }
    }
    for warning in files.warnings + ConfigurationFile.warnings(configuration) { log.warning("\(warning)") }
    do throws(ServerError) {
      sockets = try ListenerSockets(
        configuration.listeners, admin: configuration.admin?.address, workers: configuration.workers,
        inherited: passed)
      server = try Server(
        active, sockets: sockets, keys: keyStore.snapshot, tls: tls, upstreams: upstreams.snapshots,
        accessLog: accessLog, isWatched: configuration.admin != nil, connectionRoom: connectionRoom
      ) { [log] in $0.write(to: log) }
    } catch {
      throw GatewayFault(message: "\(error)", status: error.status)
    }
    revocations = RevocationWatcher(revoked, loop: control) { [log] in $0.write(to: log) }
    // Before the first request: what is sent to a loop first, it does first.
    server.update(revocations: revocationSnapshot())
  }

  /// What the machine refuses of the gateway's own keys may be given later, as room on a disk: that is no fault of the
  /// configuration, after which no service manager would start it again.
  private static func status(of error: KeyStoreError, _ configuration: GatewayConfiguration) -> ExitCode {
    guard case .file = error.fault,
      case .signing? = configuration.providers.first(where: { $0.name == error.provider })?.keys
    else { return ExitStatus.configuration }
    return ExitStatus.cannotCreate
  }

  private static let tlsFailed = "TLS cannot be spoken: "

  /// Runs the gateway until a signal ends the process.
  ///
  /// - Parameters:
  ///   - revoked: The file of revoked tokens that it names, read.
  ///   - files: Those that its listeners and upstreams name.
  ///   - inherited: What this process was started with.
  ///   - seen: What the files that are watched were like before they were read.
  /// - Throws: Why it cannot start. Once it serves it does not return.
  static func serve(
    _ configuration: GatewayConfiguration, revoked: RevocationFile?, files: TLSFiles,
    inherited: InheritedSockets, seen: ConfigurationWatcher.Sight
  ) throws(GatewayFault) -> Never {
    let (log, logWriter) = ProgramLog.open(configuration.log)
    do throws(GatewayFault) {
      try begin(
        configuration, revoked: revoked, files: files, inherited: inherited, seen: seen, log: log, logWriter: logWriter)
    } catch {
      // What was said on the way stands before why it ended.
      logWriter.flush()
      throw error
    }
    dispatchMain()
  }

  private static func begin(
    _ configuration: GatewayConfiguration, revoked: RevocationFile?, files: TLSFiles,
    inherited: InheritedSockets, seen: ConfigurationWatcher.Sight, log: Logger, logWriter: ProgramLogWriter
  ) throws(GatewayFault) {
    let connectionRoom = prepareProcess(configuration, log)
    try testForSecretLeaks()
    let control = try GatewayFault.raised(as: ExitStatus.unavailable) { try EventLoop(label: "control") }
    let gateway = try Gateway(
      configuration, revoked: revoked, files: files, inherited: inherited, connectionRoom: connectionRoom,
      control: control, log: log,
      logWriter: logWriter)
    gateway.watching.filesSeen = seen
    let bound = LoopBound(gateway, loop: control)
    control.start()
    bound.async { $0.start(bound) }
  }
}

extension Gateway {
  /// Begins to serve.
  private func start(_ bound: LoopBound<Gateway>) {
    self.bound = bound
    reloads.takenAt = startedAt
    // Else another process answers there.
    if takeover == nil { startAdmin(bound) }
    keyStore.start(
      issuerKeysChanged: { [unowned self] in
        PublishedKeys.update(active.responders, active.configuration, keyStore)
      },
      publish: { [unowned self] snapshot in
        server.update(keys: snapshot)
        // Whose tokens come to the loops once these know the key.
        signIns.take(keys: keyStore, of: active.configuration)
        codeFlows.take(snapshot, of: active.configuration)
        takeover?.check()
      })
    revocations.start(
      comingBack: { body in bound.async { body($0.revocations) } },
      changed: { [unowned self] names in server.update(revocations: revocationSnapshot(news: names)) })
    endedSignIns.start(
      comingBack: { body in bound.async { body($0.endedSignIns) } },
      changed: { [unowned self] known in
        let snapshot = revocationSnapshot(news: [])
        let generation = snapshot.generation
        revoking.wait(for: generation, loops: server.workerCount, known: known)
        server.update(revocations: snapshot, known: { bound.async { $0.revoking.loopKnows(generation)?() } })
      })
    codeFlows.start { provider in bound.async { $0.refetchKeys(of: provider) } }
    signIns.start(comingBack: { body in bound.async { body($0.signIns) } })
    upstreams.start(
      comingBack: { body in bound.async { body($0.upstreams) } },
      publish: { [unowned self] upstream in
        server.update(upstream)
        takeover?.check()
      },
      ready: { [unowned self] in
        guard let takeover else { return beginServing(bound) }
        takeover.whenComplete(
          on: control, lacking: { [unowned self] in lacking }, complete: { [unowned self] in beginServing(bound) },
          failed: { [unowned self] missing in
            log.error("not taking over: there are no \(missing.joined(separator: ", "))")
            logWriter.flush()
            Process.exit(ExitStatus.unavailable.rawValue)
          })
      })
  }

  /// Begins to accept.
  private func beginServing(_ bound: LoopBound<Gateway>) {
    startAdmin(bound)
    server.start(
      ControlRequests(
        fetchKeys: { provider, generation in bound.async { $0.refetchKeys(provider, generation) } },
        introspect: { question in bound.async { $0.introspect(question) } },
        renew: { request in bound.async { $0.renew(request) } },
        lookUp: { upstream in bound.async { $0.upstreams.lookUp(upstream) } }),
      begun: { bound.async { $0.stepIsDone() } },
      failed: { [log, logWriter] error in
        log.error("a listener failed", metadata: ["error": "\(error)"])
        logWriter.flush()
        Process.exit(ExitStatus.unavailable.rawValue)
      })
    handle(SIGTERM, bound) { $0.drain(bound) }
    handle(SIGINT, bound) { $0.interrupt(bound) }
    handle(SIGHUP, bound) {
      $0.reload()
      $0.handover.note(signal: SIGHUP)
    }
    handle(SIGUSR1, bound) {
      $0.accessLog.reopen()
      $0.handover.note(signal: SIGUSR1)
    }
    handle(SIGUSR2, bound) { $0.handOver(bound) }
    startSampling()
    startExporting(bound)
    startWatching(bound)
  }

  /// Says that the gateway serves, once all loops accept and the last signal is handled: one that came before would be
  /// lost.
  private func stepIsDone() {
    stepsDone += 1
    guard stepsDone == signals.count + server.workerCount else { return }
    servesSince = control.now
    var metadata: Logger.Metadata = [
      "listeners": "\(sockets.addresses.joined(separator: " "))", "workers": "\(server.workerCount)",
      "config": "\(path)", "version": "\(Portcullis.version)",
    ]
    if let admin = sockets.adminAddress { metadata["admin"] = "\(admin)" }
    log.notice("serving", metadata: metadata)
    let closed = sockets.unused.map(\.text)
    if !closed.isEmpty {
      log.notice("no longer listened on", metadata: ["listeners": "\(closed.joined(separator: " "))"])
    }
    guard let takeover else { return serviceManager.notify(.ready) }
    // That process tells systemd, whose service it still is.
    sockets.takeOver()
    takeover.sayReady()
    self.takeover = nil
  }

  /// What is revoked now, under a generation of its own.
  ///
  /// - Parameter news: What has come into the file since the last one; nil: it may be anything.
  func revocationSnapshot(news: [RevokedName]? = nil) -> RevocationSnapshot {
    let endedSince = endedSignIns.takeNews()
    let inForce = revocations.file?.inForce ?? Revocations()
    signIns.tell([inForce, endedSignIns.revocations])
    return RevocationSnapshot(
      inForce, endedSignIns: endedSignIns.revocations, generation: revoking.nextGeneration(),
      news: news.map { $0 + endedSince })
  }

  private func renew(_ request: RenewalRequest) {
    signIns.renew(request) { [server] in server.answer(request, $0) }
  }

  /// A configuration that is no longer in force means other providers by its indices; who waited has been decided anew.
  private func refetchKeys(_ provider: Int, _ generation: UInt64) {
    if generation == active.generation { keyStore.refetch(provider: provider) }
  }

  private func refetchKeys(of provider: String) {
    guard let index = active.configuration.providers.firstIndex(where: { $0.name == provider }) else { return }
    keyStore.refetch(provider: index)
  }

  private func introspect(_ question: IntrospectionQuestion) {
    guard question.configuration == active.generation else { return }
    if question.isSession {
      let provider = active.configuration.providers[question.provider].name
      return codeFlows.introspect(question.token, provider: provider, client: question.client) { [server] in
        server.answer(question, $0)
      }
    }
    introspection.introspect(question.token, provider: question.provider, client: question.client) { [server] result in
      server.answer(question, result)
    }
  }

  /// Has `signal` handled on the control loop.
  private func handle(_ number: Int32, _ bound: LoopBound<Gateway>, _ body: @escaping @Sendable (Gateway) -> Void) {
    Process.ignore(signal: number)
    let source = DispatchSource.makeSignalSource(signal: number, queue: control.queue)
    source.setEventHandler { bound.async(body) }
    source.setRegistrationHandler { bound.async { $0.stepIsDone() } }
    source.activate()
    signals.append(source)
  }
}
