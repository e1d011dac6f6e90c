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
  /// Reads the configuration and every file that it names again, as an operator has asked for. On any error the old one
  /// stays whole.
  func reloadByOperator() {
    reloading.next.isByOperator = true
    reload()
  }

  /// Reads the configuration and every file that it names again. On any error the old one stays whole.
  func reload() {
    guard !shutdown.hasBegun else {
      let refusal = ReloadRefusal.draining
      refusal.write(to: log, generation: active.generation)
      for completion in reloading.next.takeCompletions() { completion(refusal.texts) }
      return
    }
    if reloading.isGoingOn {
      guard reloading.waitsForKeys else {
        reloading.isWanted = true
        return
      }
      // A place that does not answer may be what has been mended since.
      abandonReload()
      reloading.giveWay()
    }
    beginReload()
    let files = filesWatched
    // A large file takes its time, and tests of it; meanwhile operators are answered.
    BlockingWork.detach(name: "configuration") { [path, bound] in
      let (loaded, seen) = ConfigurationFile.loadSeen(path, watched: files, isAgain: true)
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
    let configuration: GatewayConfiguration
    switch loaded {
    case .success(let read): configuration = read
    case .failure(let diagnostics): return endReload(.faulty(diagnostics))
    }
    reloading.pending = configuration.keysThatWait(besides: active.configuration)
    if !reloading.pending.isEmpty {
      log.warning(
        """
        changes of listeners' addresses and proxy_protocol, admin, workers and log take effect with SIGUSR2 or a \
        restart; the rest takes effect now
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
    prepareReload(next, keeping: settingsInForce(of: removed))
  }

  /// - Parameter refusal: nil if the configuration is in force.
  private func endReload(_ refusal: ReloadRefusal?) {
    refusal?.write(to: log, generation: active.generation)
    var faults = refusal?.texts ?? []
    reloading.isGoingOn = false
    if let takingBack = canaryState.takingBack {
      faults = tookBack(takingBack, faults)
      canaryState.takingBack = nil
    } else if faults.isEmpty {
      watching.filesRefused = []
      watching.watchesRefused = false
      canaryState.fileWasTakenBack = false
    }
    reloads.faults = faults
    watchFiles()
    if faults.isEmpty { reloads.done += 1 } else { reloads.refused += 1 }
    for completion in reloading.current.takeCompletions() { completion(faults) }
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
    _ next: GatewayConfiguration, keeping kept: [ListenAddress: TLSContext.Settings]
  ) {
    do throws(ReloadRefusal) {
      let (files, tls) = try openTLS(next, keeping: kept)
      do throws(TLSFault) {
        try upstreams.prepare(files.upstreams) { [unowned self] in
          prepareKeys(next) { [unowned self] in
            // Last: names and keys may take seconds, in which the file in force goes on to be read.
            revocations.open(next, isComplete: reloading.current.isByOperator) { [unowned self] opened in
              switch opened {
              case .success(let revoked): endReload(finishReload(next, revoked, files, tls))
              case .failure(let diagnostics):
                abandonReload()
                endReload(.faulty(diagnostics))
              }
            }
          }
        }
      } catch {
        throw .notOpened("\(error)")
      }
    } catch {
      endReload(error)
    }
  }

  /// Goes on once the providers that have keys have them from their new places too. A configuration that is taken back is
  /// not refused for that: the one on trial has to go.
  private func prepareKeys(_ next: GatewayConfiguration, _ ready: @escaping () -> Void) {
    if canaryState.takingBack != nil { return ready() }
    reloading.waitsForKeys = true
    keyStore.prepare(sources: KeySource.all(of: next)) { [unowned self] error in
      reloading.waitsForKeys = false
      guard let error else { return ready() }
      abandonReload()
      endReload(
        .notOpened(
          "provider \"\(error.provider)\" would have no keys: they cannot be fetched from there: \(error.fault)"))
    }
    // Another was asked for before it came to that.
    guard reloading.waitsForKeys, reloading.isWanted else { return }
    abandonReload()
    reloading.giveWay()
    reload()
  }

  private func abandonReload() {
    upstreams.abandon()
    keyStore.abandon()
    signIns.abandon()
    codeFlows.abandon()
  }

  private func openTLS(
    _ next: GatewayConfiguration, keeping kept: [ListenAddress: TLSContext.Settings]
  ) throws(ReloadRefusal) -> (TLSFiles, ListenerContexts) {
    let files: TLSFiles
    do throws(Diagnostics) {
      files = try TLSFiles(next, keeping: kept)
    } catch {
      throw .faulty(error)
    }
    do throws(TLSFault) {
      return (
        files,
        try ListenerContexts(files.listeners, previous: tls, tickets: tickets, workers: server.workerCount)
      )
    } catch {
      throw .notOpened("\(error)")
    }
  }

  /// The upstreams are ready.
  ///
  /// - Returns: nil if the configuration is in force.
  private func finishReload(
    _ next: GatewayConfiguration, _ revoked: RevocationFile?, _ files: TLSFiles, _ tls: ListenerContexts
  ) -> ReloadRefusal? {
    // Where it comes to nothing.
    defer { abandonReload() }
    let forsaken = ForsakenDatabases.warnings(next, replacing: active.configuration)
    for warning in files.warnings + ConfigurationFile.warnings(next) + forsaken { log.warning("\(warning)") }
    if shutdown.hasBegun { return .draining }
    let opened: OpenedServices
    do throws(GatewayFault) {
      opened = try OpenedServices(next, signIns, codeFlows, exporter, loop: control, log: log)
      try GatewayFault.raised(as: ExitStatus.configuration) { try keyStore.reload(sources: KeySource.all(of: next)) }
    } catch {
      return .notOpened(error.message)
    }
    // One loop may sign with a new key while another still answers as before.
    PublishedKeys.update(active.responders, next, keyStore)
    introspection.stop()
    introspection = opened.introspection
    let replaced = active.configuration
    if next.limits.connectionsMax > replaced.limits.connectionsMax {
      descriptorRoom.warn(ofConnections: next.limits.connectionsMax, log)
    }
    let difference = next.difference(from: replaced)
    active = ActiveConfiguration(
      next, generation: active.generation + 1,
      responders: opened.takeEffect(next, signIns, codeFlows, keyStore), metricNames: metricNames, replacing: active)
    reloads.changes = "\(difference)"
    reloads.pending = reloading.pending
    reloads.takenAtSeconds = WallClock.exactSeconds
    acceptedTokens.take(next, now: WallClock.seconds)
    revocations.replace(with: revoked)
    upstreams.commit()
    self.tls = tls
    certificates = files.certificates
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
    return nil
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
