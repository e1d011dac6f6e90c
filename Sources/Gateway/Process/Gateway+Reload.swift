import Admin
import Configuration
import Introspection
import Keys
import Logging
import Proxy
import Sockets
import TLS

/// Taking another configuration while the gateway runs.
extension Gateway {
  /// Reads the configuration and every file that it names again. On any error the old one stays whole.
  func reload() {
    guard !shutdown.hasBegun else {
      log.notice("not reloaded: the gateway is draining")
      for completion in reloading.next.takeCompletions() { completion(["the gateway is draining"]) }
      return
    }
    if reloading.isGoingOn {
      reloading.isWanted = true
      return
    }
    beginReload()
    let files = filesWatched
    // A large file takes its time, and tests of it; meanwhile operators are answered.
    BlockingWork.detach(name: "configuration") { [path, bound] in
      let (loaded, seen) = ConfigurationFile.loadSeen(path, watched: files)
      bound.async {
        switch loaded {
        case .success(let configuration): $0.watching.filesRefused = configuration.filesRead
        case .failure(let diagnostics): $0.watching.filesRefused = diagnostics.filesNamed
        }
        $0.watching.filesSeen = seen
        $0.take(loaded)
      }
    }
  }

  func beginReload() {
    reloading.begin()
    if let canary = reloading.current.canary { canaryState.asked = canary }
    serviceManager.notify(.reloading)
  }

  func take(_ loaded: Result<GatewayConfiguration, Diagnostics>) {
    switch loaded {
    case .failure(let diagnostics):
      refuseReload(diagnostics)
      reloadEnded()
    case .success(let configuration):
      reloading.pending = configuration.keysThatWait(besides: active.configuration)
      if !reloading.pending.isEmpty {
        log.warning(
          """
          changes of listeners' addresses and proxy_protocol, admin, workers and log take effect with SIGUSR2 or a restart; the \
          rest does now
          """
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
      next.admin = active.configuration.admin
      next.workers = active.configuration.workers
      next.log = active.configuration.log
      next.log.claims = configuration.log.claims
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
    reloading.faults = diagnostics.list.map { "\($0)" }
    log.error("reload refused: the configuration in force stays", metadata: ["generation": "\(active.generation)"])
  }

  private func refuseReload(_ why: String) {
    log.error("reload refused: \(why)", metadata: ["generation": "\(active.generation)"])
    reloading.faults = [why]
  }

  private func reloadEnded() {
    reloading.isGoingOn = false
    if let takingBack = canaryState.takingBack {
      tookBack(takingBack)
      canaryState.takingBack = nil
    } else if reloading.faults.isEmpty {
      watching.filesRefused = []
      watching.watchesRefused = false
      canaryState.fileWasTakenBack = false
    }
    reloads.faults = reloading.faults
    watchFiles()
    if reloading.faults.isEmpty { reloads.done += 1 } else { reloads.refused += 1 }
    for completion in reloading.current.takeCompletions() { completion(reloading.faults) }
    if !shutdown.hasBegun { serviceManager.notify(.ready) }
    guard reloading.isWanted else { return }
    reloading.isWanted = false
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
        let tls = try ListenerContexts(
          files.listeners, previous: self.tls, tickets: tickets, workers: server.workerCount)
        try upstreams.prepare(files.upstreams) { [unowned self] in
          for warning in files.warnings + ConfigurationFile.warnings(next) { log.warning("\(warning)") }
          finishReload(next, revoked, tls)
          if reloading.faults.isEmpty { certificates = files.certificates }
          reloadEnded()
        }
        return
      } catch {
        refuseReload("\(error)")
      }
    } catch {
      refuseReload(error)
    }
    reloadEnded()
  }

  private func finishReload(_ next: GatewayConfiguration, _ revoked: RevocationFile?, _ tls: ListenerContexts) {
    // Where it comes to nothing.
    defer { upstreams.abandon() }
    guard !shutdown.hasBegun else {
      log.notice("not reloaded: the gateway is draining")
      reloading.faults = ["the gateway is draining"]
      return
    }
    let opened: OpenedServices
    do throws(GatewayFault) {
      opened = try OpenedServices(next, signIns, codeFlows, exporter, loop: control, log: log)
      try GatewayFault.raised(as: ExitStatus.configuration) { try keyStore.reload(sources: KeySource.all(of: next)) }
    } catch {
      refuseReload(error.message)
      return
    }
    // One loop may sign with a new key while another still answers as before.
    PublishedKeys.update(active.responders, next, keyStore)
    introspection.stop()
    introspection = opened.introspection
    let replaced = active.configuration
    let difference = next.difference(from: replaced)
    active = ActiveConfiguration(
      next, generation: active.generation + 1,
      responders: opened.takeEffect(next, signIns, codeFlows, keyStore), metricNames: metricNames, replacing: active)
    reloads.changes = "\(difference)"
    reloads.pending = reloading.pending
    reloads.takenAt = Double(WallClock.nanoseconds) / 1e9
    acceptedTokens.take(next, now: WallClock.seconds)
    revocations.replace(with: revoked)
    upstreams.commit()
    self.tls = tls
    server.update(
      active, keys: keyStore.snapshot, revocations: revocationSnapshot(), tls: tls, upstreams: upstreams.snapshots)
    takeExport(opened.export)
    beginCanary(replacing: replaced, isChanged: !difference.isEmpty)
    var metadata: Logger.Metadata = [
      "generation": "\(active.generation)", "changes": "\(difference)", "providers": "\(next.providers.count)",
      "upstreams": "\(next.upstreams.count)", "routes": "\(next.routes.count)",
    ]
    if let seconds = canarySecondsLeft { metadata["trial"] = "\(Duration.seconds(seconds).forPeople)" }
    log.notice("reloaded", metadata: metadata)
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

extension GatewayConfiguration {
  /// Keys that no reload takes, and that differ from those in force.
  fileprivate func keysThatWait(besides inForce: GatewayConfiguration) -> [String] {
    var keys: [String] = []
    if listeners.map(\.opening) != inForce.listeners.map(\.opening) { keys.append("listeners") }
    if workers != inForce.workers { keys.append("workers") }
    if !log.isWritten(as: inForce.log) { keys.append("log") }
    if admin != inForce.admin { keys.append("admin") }
    return keys
  }
}
