import Configuration
import Logging
import Proxy
import Sockets
import Telemetry

/// How the gateway ends: with what is under way, and maybe with another process in its place.
extension Gateway {
  /// Takes the step that an event of the shutdown asks for.
  func perform(_ step: Shutdown.Step?) {
    switch step {
    case .announce: announceEnd()
    case .drain: endAccepting()
    case .cut: cutExchanges()
    case .export: exportRest { $0.perform($0.shutdown.exported()) }
    case .exit: exit()
    case nil: break
    }
  }

  private func announceEnd() {
    handover.abandon()
    serviceManager.notify(.stopping)
    let delay = active.configuration.timeouts.drainDelay
    if delay > .zero {
      var metadata = drainingMetadata
      metadata["delay"] = "\(delay)"
      log.notice("draining: connections are accepted until timeouts.drain_delay is over", metadata: metadata)
    } else {
      log.notice("draining: no more connections are accepted", metadata: drainingMetadata)
    }
    control.schedule(after: delay) { [self] in perform(shutdown.delayIsOver()) }
  }

  /// Has a new process take the listeners over, and then ends.
  func handOver() {
    guard !shutdown.hasBegun else {
      log.notice("not handed over: the gateway is draining")
      return
    }
    // It may be a new process itself, which the former one still waits for.
    guard servesSince != nil else {
      log.notice("not handed over: the gateway does not serve yet")
      return
    }
    guard !Process.isFirst else {
      log.error(
        "not handed over: this is the container's first process, with which the container ends; replace the container")
      return
    }
    if canaryState.canary != nil || canaryState.fileWasTakenBack {
      log.warning("the new process loads the file as it is, without a trial: it is on trial here, or was rolled back")
    }
    handover.begin(
      sockets.all, lacking: lacking, comingBack: { [bound] body in bound.async { body($0.handover) } },
      ready: { [bound] pid in bound.async { $0.handedOver(to: pid) } })
  }

  private func handedOver(to pid: Int32) {
    guard shutdown.handOver() else { return }
    serviceManager.notify(.replaced(by: pid))
    var metadata = drainingMetadata
    metadata["pid"] = "\(pid)"
    log.notice("draining: the new process accepts connections from now on", metadata: metadata)
    sockets.leave()
    // The new one answers operators.
    adminServer?.drain {}
    endAccepting()
  }

  private var drainingMetadata: Logger.Metadata {
    ["connections": "\(server.openConnections)", "timeout": "\(active.configuration.timeouts.drain)"]
  }

  /// Accepts no more, and lets exchanges end within `timeouts.drain`.
  private func endAccepting() {
    sockets.release()
    server.drain { [bound] in bound.async { $0.perform($0.shutdown.loopDrained()) } }
    control.schedule(after: active.configuration.timeouts.drain) { [self] in
      guard let step = shutdown.timeOut() else { return }
      log.warning("draining took too long", metadata: ["connections": "\(server.openConnections)"])
      perform(step)
    }
  }

  /// Accepts no more. Each exchange that is still under way has its access line all the same.
  private func cutExchanges() {
    sockets.release()
    server.endExchanges { [bound] in bound.async { $0.perform($0.shutdown.loopCut()) } }
  }

  private func exit() {
    accessLog.flushAndStop()
    log.notice("stopped", metadata: ["why": "\(shutdown.cause.rawValue)"])
    logWriter.flush()
    // Operators see it until now. Its socket may be a path, which goes with it.
    adminServer?.drain {}
    control.schedule(after: .zero) { Process.exit(0) }
  }
}
