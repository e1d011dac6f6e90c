import Configuration
import Sockets
import Synchronization
import TLS

/// Has one server checked again and again, and tells all loops what comes of it. On the control loop.
final class HealthMonitor {
  let server: ServerState
  private let configuration: HealthConfiguration
  private let upstream: UpstreamState
  /// Nil where the server speaks in clear.
  private let sessions: ResumableSessions?
  private let loop: EventLoop
  private let report: (ProxyEvent) -> Void
  private var health: ServerHealth
  private var faults = FaultReport()
  private var check: HealthCheck?
  private var timer: LoopTimer?

  init(
    _ server: ServerState, of upstream: UpstreamState, _ configuration: HealthConfiguration, on loop: EventLoop,
    report: @escaping (ProxyEvent) -> Void
  ) {
    self.server = server
    self.upstream = upstream
    sessions = server.securedHost.map { _ in ResumableSessions() }
    self.configuration = configuration
    self.loop = loop
    self.report = report
    health = ServerHealth(rise: configuration.rise, fall: configuration.fall)
  }

  /// Begins the first check, and sees to the following ones.
  func start() {
    // What many gateways or servers do in step is a burst.
    let every = configuration.every * Double.random(in: 0.9...1.1)
    timer = loop.schedule(after: every) { [unowned self] in start() }
    guard check == nil, case .address(let address) = server.target else { return }
    do throws(SystemError) {
      let stream = try ByteStream.connect(to: address, upstream.controlContext, server.securedHost, sessions)
      check = try HealthCheck(on: stream, host: server.host, configuration, loop) { [unowned self] fault in
        check = nil
        note(fault)
      }
    } catch {
      if error.call == "connect", !error.isOfThisMachine { note(.notConnected(error)) }
    }
  }

  func stop() {
    timer?.cancel()
    check?.cancel()
    check = nil
  }

  private func note(_ fault: HealthFault?) {
    if health.note(passed: fault == nil) { server.isDown.store(!health.isUp, ordering: .relaxed) }
    if let fault, !health.isUp, let times = faults.failed(at: loop.now) {
      tell(.down(server.name, fault, times: times))
    } else if health.isUp, faults.succeeded() {
      tell(.isUp(server.name))
    }
  }

  private func tell(_ event: UpstreamEvent) { report(.upstream(upstream.configuration.name, event)) }
}
