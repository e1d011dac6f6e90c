import ArgumentParser
import Configuration
import Dispatch
import Glibc
import Introspection
import Keys
import Logging
import Proxy
import Sockets
import TLS
import Telemetry
import Tokens

/// Why the program ends.
struct GatewayFault: Error {
  let message: String
  let status: ExitCode
}

/// The running gateway: what is wired to what, and what signals do. Lives on the control loop, which carries no traffic.
final class Gateway {
  private let path: String
  private let control: EventLoop
  private let log: Logger
  private let logWriter: ProgramLogWriter
  private let accessLog: AccessLog
  private let serviceManager = ServiceManager(environment: Process.environment)
  private var active: ActiveConfiguration
  private let keyStore: KeyStore
  private var introspection: IntrospectionClients
  private let upstreams: Upstreams
  private let server: Server
  private let tickets = TicketKeys()
  private var tls: ListenerContexts
  private let revocations: RevocationWatcher
  private var revocationGeneration: UInt64 = 0
  private var signals: [any DispatchSourceSignal] = []
  private var signalsHandled = 0
  /// Whether a reload waits for a file, and another was asked for meanwhile.
  private var isReloading = false
  private var isReloadWanted = false
  private var isDraining = false
  private var loopsDrained = 0
  private var loopsCut = 0
  /// Why it ends.
  private var endsBecause = "drained"

  private init(
    _ configuration: GatewayConfiguration, _ revoked: RevocationFile?, _ files: TLSFiles, control: EventLoop,
    log: Logger, logWriter: ProgramLogWriter
  ) throws(GatewayFault) {
    path = configuration.file
    self.control = control
    self.log = log
    self.logWriter = logWriter
    do throws(AccessLogError) {
      accessLog = try AccessLog(configuration.log) { [log] event in event.write(to: log) }
    } catch {
      throw GatewayFault(message: "\(error)", status: ExitStatus.cannotCreate)
    }
    do throws(KeyStoreError) {
      keyStore = try KeyStore(sources: KeySource.all(of: configuration), loop: control) { [log] in $0.write(to: log) }
    } catch {
      throw GatewayFault(message: "\(error)", status: ExitStatus.configuration)
    }
    do throws(IntrospectionError) {
      introspection = try IntrospectionClients(IntrospectionEndpoint.all(of: configuration), loop: control) {
        [log] in $0.write(to: log)
      }
    } catch {
      throw GatewayFault(message: "\(error)", status: ExitStatus.configuration)
    }
    active = ActiveConfiguration(
      configuration, generation: 1, responders: PublishedKeys.routes(configuration, keyStore))
    do throws(TLSFault) {
      tls = try ListenerContexts(files.listeners, tickets: tickets, workers: configuration.workers)
      upstreams = try Upstreams(files.upstreams, workers: configuration.workers, loop: control) { [log] in
        $0.write(to: log)
      }
    } catch {
      throw GatewayFault(message: "TLS cannot be spoken: \(error)", status: ExitStatus.unavailable)
    }
    for warning in files.warnings { log.warning("\(warning)") }
    do throws(ServerError) {
      server = try Server(
        active, keys: keyStore.snapshot, tls: tls, upstreams: upstreams.snapshots, accessLog: accessLog
      ) { [log] in $0.write(to: log) }
    } catch {
      throw GatewayFault(message: "\(error)", status: ExitStatus.unavailable)
    }
    revocations = RevocationWatcher(revoked, loop: control) { [log] in $0.write(to: log) }
    // Before the first request: what is sent to a loop first, it does first.
    server.update(revocations: revocationSnapshot())
  }

  /// Runs the gateway until a signal ends the process.
  ///
  /// - Parameters:
  ///   - revoked: The file of revoked tokens that it names, read.
  ///   - files: Those that its listeners and upstreams name.
  /// - Throws: Why it cannot start. Once it serves it does not return.
  static func serve(
    _ configuration: GatewayConfiguration, _ revoked: RevocationFile?, _ files: TLSFiles
  ) throws(GatewayFault) -> Never {
    let (log, logWriter) = ProgramLog.open(configuration.log)
    do throws(GatewayFault) {
      try begin(configuration, revoked, files, log, logWriter)
    } catch {
      // What was said on the way stands before why it ended.
      logWriter.flush()
      throw error
    }
    dispatchMain()
  }

  private static func begin(
    _ configuration: GatewayConfiguration, _ revoked: RevocationFile?, _ files: TLSFiles, _ log: Logger,
    _ logWriter: ProgramLogWriter
  ) throws(GatewayFault) {
    prepareProcess(configuration, log)
    let control: EventLoop
    do throws(SystemError) {
      control = try EventLoop(label: "control")
    } catch {
      throw GatewayFault(message: "\(error)", status: ExitStatus.unavailable)
    }
    let gateway = try Gateway(configuration, revoked, files, control: control, log: log, logWriter: logWriter)
    let bound = LoopBound(gateway, loop: control)
    control.start()
    bound.async { $0.start(bound) }
  }

  private static func prepareProcess(_ configuration: GatewayConfiguration, _ log: Logger) {
    // A peer that is gone is an error of the call, not the end of the process.
    Process.ignore(signal: SIGPIPE)
    Process.growHeapInSteps()
    if !Process.forbidCoreDumps() { log.warning("core dumps could not be forbidden") }
    let descriptors = Process.raiseDescriptorLimit()
    let needed = UInt64(configuration.limits.connectionsMax) * 2
    if descriptors < needed {
      log.warning(
        """
        the limit of open files is below twice limits.connections, and accepting pauses when it is reached: raise it \
        (ulimit -Hn, LimitNOFILE), or lower limits.connections
        """,
        metadata: ["limit": "\(descriptors)", "needed": "\(needed)"])
    }
  }
}

extension Gateway {
  /// Begins to serve.
  private func start(_ bound: LoopBound<Gateway>) {
    keyStore.start { [unowned self] snapshot in server.update(keys: snapshot) }
    revocations.start(
      comingBack: { body in bound.async { body($0.revocations) } },
      changed: { [unowned self] in server.update(revocations: revocationSnapshot()) })
    upstreams.start(
      comingBack: { body in bound.async { body($0.upstreams) } },
      publish: { [server] upstream in server.update(upstream) },
      ready: { [unowned self] in beginServing(bound) })
  }

  /// Begins to accept.
  private func beginServing(_ bound: LoopBound<Gateway>) {
    server.start(
      requestKeys: { provider, generation in bound.async { $0.refetchKeys(provider, generation) } },
      requestIntrospection: { question in bound.async { $0.introspect(question) } },
      requestLookup: { upstream in bound.async { $0.upstreams.lookUp(upstream) } },
      failed: { [log, logWriter] error in
        log.error("a listener failed", metadata: ["error": "\(error)"])
        logWriter.flush()
        Process.exit(ExitStatus.unavailable.rawValue)
      })
    handle(SIGTERM, bound) { $0.drain(bound) }
    handle(SIGINT, bound) { $0.interrupt(bound) }
    handle(SIGHUP, bound) { $0.reload() }
    handle(SIGUSR1, bound) { $0.accessLog.reopen() }
    // Meant for a new process that takes over: to be ended by it would be the opposite.
    handle(SIGUSR2, bound) { $0.log.notice("SIGUSR2 does nothing in this version") }
  }

  /// Says that the gateway serves, once the last signal is handled: one that came before would be lost.
  private func signalIsHandled() {
    signalsHandled += 1
    guard signalsHandled == signals.count else { return }
    log.notice(
      "serving",
      metadata: [
        "listeners": "\(server.addresses.joined(separator: " "))", "workers": "\(server.workerCount)",
        "config": "\(path)", "version": "\(Portcullis.version)",
      ])
    serviceManager.notify(.ready)
  }

  /// What is revoked now, under a generation of its own.
  private func revocationSnapshot() -> RevocationSnapshot {
    revocationGeneration += 1
    return RevocationSnapshot(revocations.file?.inForce ?? Revocations(), generation: revocationGeneration)
  }

  /// A configuration that is no longer in force means other providers by its indices; who waited has been decided anew.
  private func refetchKeys(_ provider: Int, _ generation: UInt64) {
    if generation == active.generation { keyStore.refetch(provider: provider) }
  }

  private func introspect(_ question: IntrospectionQuestion) {
    guard question.configuration == active.generation else { return }
    introspection.introspect(question.token, provider: question.provider) { [server] result in
      server.answer(question, result)
    }
  }

  /// Has `signal` handled on the control loop.
  private func handle(_ number: Int32, _ bound: LoopBound<Gateway>, _ body: @escaping @Sendable (Gateway) -> Void) {
    Process.ignore(signal: number)
    let source = DispatchSource.makeSignalSource(signal: number, queue: control.queue)
    source.setEventHandler { bound.async(body) }
    source.setRegistrationHandler { bound.async { $0.signalIsHandled() } }
    source.activate()
    signals.append(source)
  }

  // MARK: Reload

  /// Reads the configuration and every file that it names again. On any error the old one stays whole.
  private func reload() {
    guard !isDraining else {
      log.notice("not reloaded: the gateway is draining")
      return
    }
    if isReloading {
      isReloadWanted = true
      return
    }
    isReloading = true
    serviceManager.notify(.reloading)
    switch ConfigurationFile.load(path) {
    case .failure(let diagnostics):
      refuseReload(diagnostics)
      reloadEnded()
    case .success(let configuration):
      if configuration.listeners.map(\.opening) != active.configuration.listeners.map(\.opening)
        || configuration.workers != active.configuration.workers
        || configuration.log != active.configuration.log
      {
        log.warning(
          "changes of listeners' addresses and proxy_protocol, workers and log take effect with a restart; the rest does now"
        )
      }
      var next = configuration
      var removed: Set<ListenAddress> = []
      next.listeners = active.configuration.listeners.map { old in
        guard var listener = configuration.listeners.first(where: { $0.address == old.address }) else {
          removed.insert(old.address)
          return old
        }
        listener.proxyProtocol = old.proxyProtocol
        return listener
      }
      next.workers = active.configuration.workers
      next.log = active.configuration.log
      let agreed = next
      let kept = settingsInForce(of: removed)
      revocations.open(agreed) { [unowned self] opened in
        switch opened {
        case .success(let revoked): prepareReload(agreed, revoked, keeping: kept)
        case .failure(let diagnostics):
          refuseReload(diagnostics)
          reloadEnded()
        }
      }
    }
  }

  private func refuseReload(_ diagnostics: Diagnostics) {
    for diagnostic in diagnostics.list { log.error("\(diagnostic)") }
    log.error("reload refused: the configuration in force stays", metadata: ["generation": "\(active.generation)"])
  }

  private func reloadEnded() {
    isReloading = false
    if !isDraining { serviceManager.notify(.ready) }
    guard isReloadWanted else { return }
    isReloadWanted = false
    reload()
  }

  private func settingsInForce(of listeners: Set<ListenAddress>) -> [ListenAddress: TLSContext.Settings] {
    var kept: [ListenAddress: TLSContext.Settings] = [:]
    for (listener, settings) in zip(active.configuration.listeners, tls.settings)
    where listeners.contains(listener.address) {
      kept[listener.address] = settings
    }
    return kept
  }

  /// Reads the files of listeners and upstreams again, and goes on once the upstreams are ready.
  private func prepareReload(
    _ next: GatewayConfiguration, _ revoked: RevocationFile?, keeping kept: [ListenAddress: TLSContext.Settings]
  ) {
    do throws(Diagnostics) {
      let files = try TLSFiles(next, keeping: kept)
      do throws(TLSFault) {
        let tls = try ListenerContexts(files.listeners, tickets: tickets, workers: server.workerCount)
        try upstreams.prepare(files.upstreams) { [unowned self] in
          for warning in files.warnings { log.warning("\(warning)") }
          finishReload(next, revoked, tls)
          reloadEnded()
        }
        return
      } catch {
        log.error("reload refused: \(error)", metadata: ["generation": "\(active.generation)"])
      }
    } catch {
      refuseReload(error)
    }
    reloadEnded()
  }

  private func finishReload(_ next: GatewayConfiguration, _ revoked: RevocationFile?, _ tls: ListenerContexts) {
    // Where it comes to nothing.
    defer { upstreams.abandon() }
    guard !isDraining else {
      log.notice("not reloaded: the gateway is draining")
      return
    }
    let introspection: IntrospectionClients
    do throws(IntrospectionError) {
      introspection = try IntrospectionClients(IntrospectionEndpoint.all(of: next), loop: control) {
        [log] in $0.write(to: log)
      }
    } catch {
      log.error("reload refused: \(error)", metadata: ["generation": "\(active.generation)"])
      return
    }
    do throws(KeyStoreError) {
      try keyStore.reload(sources: KeySource.all(of: next))
    } catch {
      log.error("reload refused: \(error)", metadata: ["generation": "\(active.generation)"])
      return
    }
    self.introspection.stop()
    self.introspection = introspection
    active = ActiveConfiguration(
      next, generation: active.generation + 1, responders: PublishedKeys.routes(next, keyStore))
    revocations.replace(with: revoked)
    upstreams.commit()
    self.tls = tls
    server.update(
      active, keys: keyStore.snapshot, revocations: revocationSnapshot(), tls: tls, upstreams: upstreams.snapshots)
    log.notice(
      "reloaded",
      metadata: [
        "generation": "\(active.generation)", "providers": "\(next.providers.count)",
        "upstreams": "\(next.upstreams.count)", "routes": "\(next.routes.count)",
      ])
  }

  // MARK: The end

  private func interrupt(_ bound: LoopBound<Gateway>) {
    if isDraining { cut("interrupted", bound) } else { drain(bound) }
  }

  /// Accepts no more after `timeouts.drain_delay`, lets exchanges end within `timeouts.drain`, and ends.
  private func drain(_ bound: LoopBound<Gateway>) {
    guard !isDraining else { return }
    isDraining = true
    serviceManager.notify(.stopping)
    let timeouts = active.configuration.timeouts
    log.notice(
      "draining: no more connections are accepted",
      metadata: ["connections": "\(server.openConnections)", "timeout": "\(timeouts.drain)"])
    control.schedule(after: timeouts.drainDelay) { [self] in
      server.drain { bound.async { $0.loopDrained() } }
      control.schedule(after: timeouts.drain) { [self] in
        log.warning("draining took too long", metadata: ["connections": "\(server.openConnections)"])
        cut("timeouts.drain is over", bound)
      }
    }
  }

  /// Cuts the exchanges that are still under way: each has its access line all the same.
  private func cut(_ why: String, _ bound: LoopBound<Gateway>) {
    endsBecause = why
    server.endExchanges {
      bound.async {
        $0.loopsCut += 1
        if $0.loopsCut == $0.server.workerCount { $0.end() }
      }
    }
  }

  private func loopDrained() {
    loopsDrained += 1
    if loopsDrained == server.workerCount { end() }
  }

  private func end() {
    accessLog.flushAndStop()
    log.notice("stopped", metadata: ["why": "\(endsBecause)"])
    logWriter.flush()
    Process.exit(0)
  }
}

extension ListenerConfiguration {
  /// What a connection begins with, which a reload leaves as it is.
  fileprivate var opening: Opening { Opening(address: address, proxyProtocol: proxyProtocol) }

  fileprivate struct Opening: Equatable {
    let address: ListenAddress
    let proxyProtocol: Bool
  }
}
