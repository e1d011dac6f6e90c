import Access
import Admin
import Configuration
import Glibc
import HTTP
import Keys
import Logging
import OTLP
import Proxy
import Sockets
import Telemetry

/// What operators see, and what they ask for.
extension Gateway {
  /// Answers operators from now on: also before the gateway serves, so that they see why it does not.
  func startAdmin() {
    guard let admin = active.configuration.admin, adminServer == nil else { return }
    let paths = AdminPaths(
      hosts: admin.hosts, isPublic: admin.isPublic,
      collect: { [bound] traffic, completion in bound.async { $0.report(traffic, completion) } },
      reload: { [bound] order, client, completion in bound.async { $0.reload(order, by: client, completion) } },
      revoke: { [bound] order, client, completion in bound.async { $0.revoke(order, by: client, completion) } })
    let server = Server(
      admin: adminConfiguration(paths), sockets: sockets, loop: control
    ) { [log] in $0.write(to: log) }
    adminServer = server
    sampleTraffic()
    server.start(
      ControlRequests(), begun: {},
      failed: { [log] error in log.error("the admin listener failed", metadata: ["error": "\(error)"]) })
  }

  private func adminConfiguration(_ paths: AdminPaths) -> ActiveConfiguration {
    ActiveConfiguration(
      active.configuration.forAdmin, generation: active.generation,
      responders: [LocalRoute(OwnPath(host: nil, path: "", reach: .below), responder: paths)])
  }

  func report(_ traffic: AdminPaths.Traffic, _ completion: @escaping @Sendable (AdminReport) -> Void) {
    guard traffic == .included else { return completion(report()) }
    guard gathering.add(completion) else { return }
    gathering.begin(loops: server.workerCount, census: codeFlows.census.counted)
    server.collect { [bound] traffic in bound.async { $0.add(traffic) } }
  }

  /// A loop has said what it has counted. Added up on this one: the others carry traffic.
  private func add(_ traffic: LoopTraffic) {
    guard let gathered = gathering.add(traffic) else { return }
    var report = report()
    report.counts = gathered.counts
    report.census = gathered.census
    report.refused = gathered.refused
    report.process = ProcessUsage.current
    let (recent, time) = recentTraffic.latest(TrafficVerdicts(report.counts), at: control.now)
    report.recent = recent
    report.recentSeconds = Int(time.components.seconds)
    for completion in gathering.takeWaiting() { completion(report) }
  }

  /// Has the counters kept now and again, for as long as the process runs.
  private func sampleTraffic() {
    control.schedule(after: RecentTraffic.every) { [unowned self] in
      sampleTraffic()
      report(.included) { [bound] report in
        bound.async { $0.recentTraffic.add(TrafficVerdicts(report.counts), at: $0.control.now) }
      }
    }
  }

  /// What this loop knows.
  private func report() -> AdminReport {
    var report = AdminReport()
    report.version = Portcullis.version
    report.file = path
    report.generation = active.generation
    report.configuration = active.configuration.effective
    report.workers = server.workerCount
    report.nowSeconds = WallClock.exactSeconds
    report.startedAtSeconds = startedAtSeconds
    report.readiness = readiness
    report.reload = reloads
    report.reload.canarySecondsLeft = canarySecondsLeft
    report.openConnections = server.openConnections
    report.routeNames = metricNames.routes
    report.upstreamNames = metricNames.upstreams
    report.providerNames = metricNames.providers
    report.upstreams = upstreams.statuses
    report.logLinesLost = accessLog.linesLost
    report.exportedSpans = exporter.counts
    report.tried = active.triedRoutes
    report.triedProviders = active.triedProviders
    report.certificates = certificates
    report.watchedFiles = [revocations.status].compactMap(\.self) + signIns.usersFiles
    report.storeFaults = signIns.storeFaults + codeFlows.storeFaults
    let keyless = Set(active.configuration.providers.filter { $0.keys == .none }.map(\.name))
    let signingIn = Set(active.configuration.providers.filter { $0.signIn != nil }.map(\.name))
    report.providers = keyStore.listings.map { listing in
      AdminReport.Provider(
        name: listing.provider, issuer: listing.issuer,
        keys: keyless.contains(listing.provider) ? nil : listing.keys.count,
        fetchedAtSeconds: listing.fetchedAt.map { Double($0) }, failures: listing.failures,
        areRemote: listing.fetchedEvery != nil, accepts: acceptedTokens.accepted(by: listing),
        hasSignIn: signingIn.contains(listing.provider))
    }
    return report
  }

  /// Whether to send traffic here. An issuer that does not answer must not keep every gateway from starting.
  private var readiness: AdminReport.Readiness {
    if shutdown.hasBegun { return .draining }
    guard let servesSince else { return .starting(without: []) }
    let missing = keyStore.withoutKeys
    if missing.isEmpty || control.now >= servesSince + Gateway.readyWithoutKeysAfter { return .ready }
    return .starting(without: missing)
  }

  private static let readyWithoutKeysAfter: Duration = .seconds(10)

  private func reload(
    _ order: ReloadOrder, by client: String, _ completion: @escaping @Sendable (AdminPaths.Reloaded) -> Void
  ) {
    log.notice("a reload was requested at the admin listener", metadata: ["client": "\(client)"])
    let answer = OnceAnswered(completion)
    reloading.next.completions.append { [unowned self] in
      answer(
        $0.isEmpty
          ? .done(reloads.changes, pending: reloads.pending, canarySeconds: canarySecondsLeft) : .refused($0))
    }
    // Who asks together with others is compared for the longest that any of them wants.
    if let canary = order.canary { reloading.next.canary = max(reloading.next.canary ?? canary, canary) }
    // Names that do not resolve take longer than anybody waits.
    control.schedule(after: Gateway.reloadAnsweredAfter) { answer(.goingOn) }
    reloadByOperator()
    // As for SIGHUP.
    handover.note(signal: SIGHUP)
  }

  private static let reloadAnsweredAfter: Duration = .seconds(4)
}

/// Answers with the first of what comes. On the control loop alone.
private final class OnceAnswered {
  private var completion: ((AdminPaths.Reloaded) -> Void)?

  init(_ completion: @escaping (AdminPaths.Reloaded) -> Void) { self.completion = completion }

  func callAsFunction(_ reloaded: AdminPaths.Reloaded) {
    completion?(reloaded)
    completion = nil
  }
}
