/// Module `Gateway`: the program: its commands, the wiring, signals, reload and drain.
/// May import: everything.
/// Never does: touch a request.

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

/// An error that ends the program, with its exit status.
struct GatewayFault: Error {
  let message: String
  let status: ExitCode

  /// Returns what `body` returns. If it throws, the program ends with `status` and a message that begins with `prefix`.
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

/// The running gateway: it owns and connects all services, and handles signals and reloads. Confined to the control
/// loop, which carries no traffic.
final class Gateway {
  let path: String
  let control: EventLoop
  let log: Logger
  let logWriter: ProgramLogWriter
  let accessLog: AccessLog
  let serviceManager: ServiceManager
  /// The handle by which other threads reach it on the control loop.
  var bound: LoopBound<Gateway> {
    guard let boundAtStart else { preconditionFailure("the gateway has not started") }
    return boundAtStart
  }
  private var boundAtStart: LoopBound<Gateway>?
  var active: ActiveConfiguration
  let keyStore: KeyStore
  var introspection: IntrospectionClients
  let upstreams: Upstreams
  let server: Server
  let descriptorRoom: DescriptorRoom
  let tickets = TicketKeys()
  var tls: ListenerContexts
  let revocations: RevocationWatcher
  let endedSignIns: EndedSignIns
  let signIns: SignIns
  let codeFlows: CodeFlows
  /// The names of counters.
  let metricNames = MetricNames()
  let exporter: OTLPExporter
  var exporting = ExportProgress()
  /// nil before the admin listener starts, or if `admin` is not configured.
  var adminServer: Server?
  let startedAtSeconds = WallClock.exactSeconds
  var acceptedTokens: AcceptedTokensOfAll
  /// nil before the gateway serves.
  var servesSince: MonotonicTime?
  var reloads = AdminReport.Reload()
  var reloading = ReloadProgress()
  var gathering = ReportGathering()
  var canaryState = CanaryState()
  var watching = Watching()
  var recentTraffic = RecentTraffic(from: MonotonicTime.current)
  var revoking = RevocationProgress()
  private let signals: SignalReceiver
  private var loopsAccepting = 0
  var sockets: ListenerSockets
  let handover: Handover
  /// The handover from another process; nil if there is none, or once this process serves.
  private var takeover: Takeover?
  var shutdown: Shutdown
  /// The certificates that the configuration in force uses.
  var certificates: [AdminReport.Certificate]

  private init(
    _ configuration: GatewayConfiguration, revoked: RevocationFile?, files: TLSFiles,
    inherited: InheritedSockets, descriptorRoom: DescriptorRoom, control: EventLoop, log: Logger,
    logWriter: ProgramLogWriter
  ) throws(GatewayFault) {
    self.descriptorRoom = descriptorRoom
    path = configuration.file
    certificates = files.certificates
    acceptedTokens = AcceptedTokensOfAll(configuration)
    signals = try GatewayFault.raised(as: ExitStatus.unavailable) { try SignalReceiver(loop: control) }
    let (passed, predecessor) = inherited.release()
    takeover = predecessor.map(Takeover.init)
    handover = Handover(log: log)
    shutdown = Shutdown(loops: configuration.workers)
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
    let forsaken = ForsakenDatabases.warnings(configuration)
    for warning in files.warnings + ConfigurationFile.warnings(configuration) + forsaken { log.warning("\(warning)") }
    do throws(ServerError) {
      sockets = try ListenerSockets(
        configuration.listeners, admin: configuration.admin?.address, workers: configuration.workers,
        inherited: passed)
      server = try Server(
        active, sockets: sockets, keys: keyStore.snapshot, tls: tls, upstreams: upstreams.snapshots,
        accessLog: accessLog, isWatched: configuration.admin != nil, connectionRoom: descriptorRoom.connections
      ) { [log] in $0.write(to: log) }
    } catch {
      throw GatewayFault(message: "\(error)", status: error.status)
    }
    revocations = RevocationWatcher(revoked, loop: control) { [log] in $0.write(to: log) }
    // Before the first request: a loop handles messages in the order in which they are sent.
    server.update(revocations: revocationSnapshot())
  }

  /// A fault of the machine may pass, as a full disk where the gateway keeps its own keys: it is not a fault of the
  /// configuration, after which no service manager would restart the gateway.
  private static func status(of error: KeyStoreError, _ configuration: GatewayConfiguration) -> ExitCode {
    guard case .file(let fault) = error.fault else { return ExitStatus.configuration }
    if case .signing? = configuration.providers.first(where: { $0.name == error.provider })?.keys {
      return ExitStatus.cannotCreate
    }
    return fault.mayPass ? ExitStatus.unavailable : ExitStatus.configuration
  }

  private static let tlsFailed = "TLS is not available: "

  /// Runs the gateway until a signal ends the process.
  ///
  /// - Parameters:
  ///   - revoked: The content of its file of revoked tokens; nil if it has none.
  ///   - files: The TLS files of its listeners and upstreams.
  ///   - inherited: The sockets that this process was started with.
  ///   - seen: The state of the watched files before they were read.
  /// - Throws: The reason why it cannot start. Once it serves it does not return.
  static func serve(
    _ configuration: GatewayConfiguration, revoked: RevocationFile?, files: TLSFiles,
    inherited: InheritedSockets, seen: ConfigurationWatcher.Sight
  ) throws(GatewayFault) -> Never {
    let (log, logWriter) = ProgramLog.open(configuration.log)
    do throws(GatewayFault) {
      try begin(
        configuration, revoked: revoked, files: files, inherited: inherited, seen: seen, log: log, logWriter: logWriter)
    } catch {
      // Earlier messages precede the reason why the program ends.
      logWriter.flush()
      throw error
    }
    dispatchMain()
  }

  private static func begin(
    _ configuration: GatewayConfiguration, revoked: RevocationFile?, files: TLSFiles,
    inherited: InheritedSockets, seen: ConfigurationWatcher.Sight, log: Logger, logWriter: ProgramLogWriter
  ) throws(GatewayFault) {
    let descriptorRoom = prepareProcess(configuration, log)
    try testForSecretLeaks()
    let control = try GatewayFault.raised(as: ExitStatus.unavailable) { try EventLoop(label: "control") }
    let gateway = try Gateway(
      configuration, revoked: revoked, files: files, inherited: inherited, descriptorRoom: descriptorRoom,
      control: control, log: log,
      logWriter: logWriter)
    gateway.watching.filesSeen = seen
    let bound = LoopBound(gateway, loop: control)
    control.start()
    bound.async {
      $0.boundAtStart = bound
      $0.start()
    }
  }
}

extension Gateway {
  /// Starts the services, and begins to serve once the upstreams are ready; when taking over from another process, only
  /// once no keys or addresses of servers are missing.
  private func start() {
    reloads.takenAtSeconds = startedAtSeconds
    // Otherwise another process answers there.
    if takeover == nil { startAdmin() }
    keyStore.start(
      issuerKeysChanged: { [unowned self] in
        PublishedKeys.update(active.responders, active.configuration, keyStore)
      },
      publish: { [unowned self] snapshot in
        server.update(keys: snapshot)
        // Tokens issued with a key reach the loops only once these know it.
        signIns.take(keys: keyStore, of: active.configuration)
        codeFlows.take(snapshot, of: active.configuration)
        takeover?.check()
      })
    revocations.start(
      comingBack: { [bound] body in bound.async { body($0.revocations) } },
      changed: { [unowned self] names in server.update(revocations: revocationSnapshot(news: names)) },
      looked: { [unowned self] in takeover?.check() })
    endedSignIns.start(
      comingBack: { [bound] body in bound.async { body($0.endedSignIns) } },
      changed: { [unowned self] known in
        let snapshot = revocationSnapshot(news: [])
        let generation = snapshot.generation
        revoking.wait(for: generation, loops: server.workerCount, known: known)
        server.update(revocations: snapshot, known: { [bound] in bound.async { $0.revoking.loopKnows(generation)?() } })
      })
    codeFlows.start { [bound] provider in bound.async { $0.refetchKeys(of: provider) } }
    signIns.start(comingBack: { [bound] body in bound.async { body($0.signIns) } })
    upstreams.start(
      comingBack: { [bound] body in bound.async { body($0.upstreams) } },
      publish: { [unowned self] upstream in
        server.update(upstream)
        takeover?.check()
      },
      ready: { [unowned self] in
        guard let takeover else { return beginServing() }
        if let file = revocations.file?.path, revocations.resting != nil {
          log.notice("taking over once the file of revocations has rested", metadata: ["file": "\(file)"])
        }
        takeover.whenComplete(
          on: control, lacking: { [unowned self] in lacking + [revocations.resting].compactMap(\.self) },
          complete: { [unowned self] in beginServing() },
          failed: { [unowned self] missing in
            log.error("not taking over: there are no \(missing.joined(separator: ", "))")
            logWriter.flush()
            Process.exit(ExitStatus.unavailable.rawValue)
          })
      })
  }

  /// Starts to handle signals and to accept connections.
  private func beginServing() {
    do throws(SystemError) {
      try handleSignals()
    } catch {
      log.error("signals cannot be handled", metadata: ["error": "\(error)"])
      logWriter.flush()
      Process.exit(ExitStatus.unavailable.rawValue)
    }
    startAdmin()
    server.start(
      ControlRequests(
        fetchKeys: { [bound] provider, generation in bound.async { $0.refetchKeys(provider, generation) } },
        introspect: { [bound] question in bound.async { $0.introspect(question) } },
        renew: { [bound] request in bound.async { $0.renew(request) } },
        lookUp: { [bound] upstream in bound.async { $0.upstreams.lookUp(upstream) } }),
      begun: { [bound] in bound.async { $0.loopAccepts() } },
      failed: { [log, logWriter] error in
        log.error("a listener failed", metadata: ["error": "\(error)"])
        logWriter.flush()
        Process.exit(ExitStatus.unavailable.rawValue)
      })
    startSampling()
    startExporting()
    startWatching()
    // Before any loop can say that it accepts: what was asked for earlier is handled as that.
    signals.handleCaught()
  }

  /// Reports that the gateway serves, once all loops accept: signals are handled since before.
  private func loopAccepts() {
    loopsAccepting += 1
    guard loopsAccepting == server.workerCount else { return }
    servesSince = control.now
    var metadata: Logger.Metadata = [
      "listeners": "\(sockets.addresses.joined(separator: " "))", "workers": "\(server.workerCount)",
      "config": "\(path)", "version": "\(Portcullis.version)",
    ]
    if let admin = sockets.adminAddress { metadata["admin"] = "\(admin)" }
    log.notice("serving", metadata: metadata)
    let closed = sockets.unused.map(\.text)
    if !closed.isEmpty {
      log.notice("no longer listening", metadata: ["listeners": "\(closed.joined(separator: " "))"])
    }
    guard let takeover else { return serviceManager.notify(.ready) }
    // The other process notifies systemd, whose service it still is.
    sockets.takeOver()
    takeover.sayReady()
    self.takeover = nil
  }

  /// The current revocations, under a generation of their own.
  ///
  /// - Parameter news: The names added to the file since the last snapshot; nil if they are unknown.
  func revocationSnapshot(news: [RevokedName]? = nil) -> RevocationSnapshot {
    let endedSince = endedSignIns.takeNews()
    let inForce = revocations.file?.inForce ?? Revocations()
    signIns.tell([inForce, endedSignIns.revocations])
    codeFlows.tell(inForce)
    return RevocationSnapshot(
      inForce, endedSignIns: endedSignIns.revocations, generation: revoking.nextGeneration(),
      news: news.map { $0 + endedSince })
  }

  private func renew(_ request: RenewalRequest) {
    signIns.renew(request) { [server] in server.answer(request, $0) }
  }

  /// In another configuration the index may mean another provider; requests that waited have been decided anew.
  private func refetchKeys(_ provider: Int, _ generation: UInt64) {
    if generation == active.generation { keyStore.refetch(provider: provider) }
  }

  private func refetchKeys(of provider: String) {
    guard let index = active.configuration.providers.firstIndex(where: { $0.name == provider }) else { return }
    keyStore.refetch(provider: index)
  }

  private func introspect(_ question: IntrospectionQuestion) {
    guard question.configuration == active.generation else { return }
    switch question.credential {
    case .token(let token):
      introspection.introspect(token, provider: question.provider, client: question.client) { [server] in
        server.answer(question, $0)
      }
    case .session(let id):
      let provider = active.configuration.providers[question.provider].name
      codeFlows.introspect(id, provider: provider, client: question.client) { [server] in
        server.answer(question, $0)
      }
    }
  }

  /// What an operator asks for while the gateway starts waits until it serves, and ends nothing.
  static func keepOrders() { for number in [SIGHUP, SIGUSR1, SIGUSR2] { SignalReceiver.keep(number) } }

  private func handleSignals() throws(SystemError) {
    try handle(SIGHUP) {
      $0.reloadByOperator()
      $0.handover.note(signal: SIGHUP)
    }
    try handle(SIGUSR1) {
      $0.accessLog.reopen()
      $0.handover.note(signal: SIGUSR1)
    }
    try handle(SIGUSR2) { $0.handOver() }
    // Until now these have ended the process at once.
    try handle(SIGTERM) { $0.perform($0.shutdown.terminate()) }
    try handle(SIGINT) { $0.perform($0.shutdown.interrupt()) }
    try signals.start()
  }

  private func handle(_ number: Int32, _ body: @escaping (Gateway) -> Void) throws(SystemError) {
    try signals.handle(number) { [unowned self] in body(self) }
  }
}
