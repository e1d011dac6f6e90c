import Configuration
import Logging
import Proxy
import Sockets
import Telemetry

/// How the gateway ends: with what is under way, and maybe with another process in its place.
extension Gateway {
  func interrupt(_ bound: LoopBound<Gateway>) {
    if isEnding { return endProcess() }
    if isDraining { cut("interrupted", bound) } else { drain(bound) }
  }

  /// Accepts no more after `timeouts.drain_delay`, lets exchanges end within `timeouts.drain`, and ends.
  func drain(_ bound: LoopBound<Gateway>) {
    guard !isDraining else { return }
    isDraining = true
    handover.abandon()
    serviceManager.notify(.stopping)
    log.notice("draining: no more connections are accepted", metadata: drainingMetadata)
    control.schedule(after: active.configuration.timeouts.drainDelay) { [self] in
      sockets.release()
      endAccepting(bound)
    }
  }

  /// Has a new process take the listeners over, and then ends.
  func handOver(_ bound: LoopBound<Gateway>) {
    guard !isDraining else {
      log.notice("not handed over: the gateway is draining")
      return
    }
    guard !Process.isFirst else {
      log.error("not handed over: the container ends with its first process, which this one is; replace the container")
      return
    }
    if canaryState.canary != nil || canaryState.fileWasTakenBack {
      log.warning("the new process takes the file as it is, without a trial: it is on trial here, or was taken back")
    }
    handover.begin(
      sockets.all, lacking: lacking, comingBack: { body in bound.async { body($0.handover) } },
      ready: { pid in bound.async { $0.handedOver(to: pid, bound) } })
  }

  private func handedOver(to pid: Int32, _ bound: LoopBound<Gateway>) {
    guard !isDraining else { return }
    isDraining = true
    endsBecause = "handed over"
    serviceManager.notify(.replaced(by: pid))
    var metadata = drainingMetadata
    metadata["pid"] = "\(pid)"
    log.notice("draining: the new process accepts connections from now on", metadata: metadata)
    sockets.leave()
    // The new one answers operators.
    adminServer?.drain {}
    endAccepting(bound)
  }

  private var drainingMetadata: Logger.Metadata {
    ["connections": "\(server.openConnections)", "timeout": "\(active.configuration.timeouts.drain)"]
  }

  private func endAccepting(_ bound: LoopBound<Gateway>) {
    server.drain { bound.async { $0.loopDrained() } }
    control.schedule(after: active.configuration.timeouts.drain) { [self] in
      guard !isEnding else { return }
      log.warning("draining took too long", metadata: ["connections": "\(server.openConnections)"])
      cut("timeouts.drain is over", bound)
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
    guard !isEnding, let bound else { return }
    isEnding = true
    exportRest(bound) { $0.endProcess() }
  }

  private func endProcess() {
    guard !hasEnded else { return }
    hasEnded = true
    accessLog.flushAndStop()
    log.notice("stopped", metadata: ["why": "\(endsBecause)"])
    logWriter.flush()
    // Operators see it until now. Its socket may be a path, which goes with it.
    adminServer?.drain {}
    control.schedule(after: .zero) { Process.exit(0) }
  }
}
