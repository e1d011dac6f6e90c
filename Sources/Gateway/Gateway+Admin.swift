import Admin
import Configuration
import HTTP
import Keys
import Logging
import Proxy
import Sockets
import Telemetry

/// What operators see, and what they ask for.
extension Gateway {
  /// Answers operators from now on: also before the gateway serves, so that they see why it does not.
  func startAdmin(_ bound: LoopBound<Gateway>) {
    guard let admin = active.configuration.admin, adminServer == nil else { return }
    let paths = AdminPaths(
      hosts: admin.hosts, isPublic: admin.isPublic,
      collect: { traffic, completion in bound.async { $0.report(traffic, bound, completion) } },
      reload: { completion in bound.async { $0.reload(completion) } })
    let server = Server(
      admin: adminConfiguration(paths), sockets: sockets, loop: control
    ) { [log] in $0.write(to: log) }
    adminServer = server
    server.start(
      requestKeys: { _, _ in }, requestIntrospection: { _ in }, requestRenewal: { _ in }, requestLookup: { _ in },
      begun: {},
      failed: { [log] error in log.error("the admin listener failed", metadata: ["error": "\(error)"]) })
  }

  private func adminConfiguration(_ paths: AdminPaths) -> ActiveConfiguration {
    ActiveConfiguration(
      active.configuration.forAdmin, generation: active.generation,
      responders: [LocalRoute(host: nil, path: "", reach: .below, responder: paths)])
  }

  /// Says what this loop knows and, where that is wanted, what all others do: on this one, as it takes a while to write.
  private func report(
    _ traffic: AdminPaths.Traffic, _ bound: LoopBound<Gateway>, _ completion: @escaping @Sendable (AdminReport) -> Void
  ) {
    var report = AdminReport()
    report.version = Portcullis.version
    report.file = path
    report.generation = active.generation
    report.workers = server.workerCount
    report.now = Double(WallClock.nanoseconds) / 1e9
    report.startedAt = startedAt
    report.readiness = readiness
    report.reload = reloads
    report.openConnections = server.openConnections
    report.routeNames = metricNames.routes
    report.upstreamNames = metricNames.upstreams
    report.upstreams = upstreams.statuses
    report.providers = keyStore.listings.map {
      AdminReport.Provider(
        name: $0.provider, issuer: $0.issuer, keys: $0.keys.count, fetchedAt: $0.fetchedAt.map { Double($0) },
        failures: $0.failures)
    }
    let known = report
    guard traffic == .included else { return completion(known) }
    server.collect { traffic in
      bound.async { _ in
        var report = known
        report.traffic = traffic
        completion(report)
      }
    }
  }

  /// Whether to send traffic here. An issuer that does not answer must not keep every gateway from starting.
  private var readiness: AdminReport.Readiness {
    if isDraining { return .draining }
    guard let servesSince else { return .starting(without: []) }
    let missing = keyStore.withoutKeys
    if missing.isEmpty || control.now >= servesSince + Gateway.readyWithoutKeysAfter { return .ready }
    return .starting(without: missing)
  }

  private static let readyWithoutKeysAfter: Duration = .seconds(10)

  private func reload(_ completion: @escaping @Sendable ([String]) -> Void) {
    reloadsAskedFor.append(completion)
    log.notice("a reload was asked for at the admin listener")
    reload()
  }
}
