public import Configuration
import Crypto
import Dispatch
import JSON
import Keys
import Proxy
import Sockets
import Synchronization
import TLS
import Telemetry
import Tokens

/// Why nothing could be tried.
public struct ProbeFault: Error, CustomStringConvertible {
  public let description: String

  init(_ error: any Error) { description = "\(error)" }
}

/// A gateway in this process, with an upstream of its own, and what is sent through it.
public struct ProbeRun: ~Copyable {
  private let routes: [ProbedRoute]
  private let server: Server
  private let loop: EventLoop
  private let address: SocketAddress
  private let received: ReceivedBytes
  private let key: IssuerKey
  private var report = ProbeReport()
  private var requests = 0

  /// Probes `configuration`. Waits until it is done: some seconds for some routes.
  public static func report(on configuration: GatewayConfiguration) throws(ProbeFault) -> ProbeReport {
    do {
      var run = try ProbeRun(configuration)
      for route in run.routes { try run.probe(route) }
      run.server.drain {}
      return run.report
    } catch {
      throw ProbeFault(error)
    }
  }

  private init(_ configuration: GatewayConfiguration) throws {
    let (loop, received) = (try EventLoop(label: "probe"), ReceivedBytes())
    guard let any = SocketAddress(ipv4: "127.0.0.1", port: 0) else { throw SystemError(call: "inet_pton", code: 0) }
    let socket = try ListeningSocket(any, backlog: 64)
    let probed = configuration.forProbe(upstreamPort: socket.port)
    let key = try IssuerKey(.generate(.ellipticCurve(.p256)), algorithm: .es256)
    let keys = KeySnapshot(
      providers: probed.providers.enumerated().map {
        ProviderKeys(keySet: KeySet([key]), generation: UInt64($0.offset) + 1, signer: key)
      })
    let active = ActiveConfiguration(probed, generation: 1, responders: [], metricNames: MetricNames())
    let sockets = try ListenerSockets(probed.listeners, workers: 1, inherited: [])
    let upstreams = try Upstreams(
      probed.upstreams.map { UpstreamDefinition($0, tls: nil) }, workers: 1, loop: loop
    ) { _ in }
    guard let port = sockets.all.first?.port, let address = SocketAddress(ipv4: "127.0.0.1", port: port) else {
      throw SystemError(call: "bind", code: 0)
    }
    server = try Server(
      active, sockets: sockets, keys: keys, tls: ListenerContexts([nil], tickets: TicketKeys(), workers: 1),
      upstreams: upstreams.snapshots, accessLog: AccessLog(.off, format: .json) { _ in }, isWatched: true
    ) { _ in }
    server.start(
      requestKeys: { _, _ in }, requestIntrospection: { _ in }, requestRenewal: { _ in }, requestLookup: { _ in },
      begun: {}, failed: { _ in })
    loop.start()
    loop.async {
      // Where it cannot, each request is answered 504, and the report says so.
      try? ProbeUpstream(socket, received, loop).start()
    }
    (self.loop, self.received, self.address, self.key) = (loop, received, address, key)
    routes = ProbedRoute.all(of: probed)
  }

  private mutating func probe(_ route: ProbedRoute) throws {
    let forged = try request(of: route)
    let fault = fault(of: route, forged)
    report.routes.append(ProbeReport.Route(name: route.route.name, alike: route.alike, fault: fault))
    guard fault == nil else { return }
    for name in route.fieldNames {
      for trick in FieldTrick.all {
        attempt(name, trick.name, route) {
          trick.request(forged, name, $0)
        } isArrival: {
          $0.shows($1, as: name)
        }
      }
    }
    for name in route.cookieNames {
      for trick in CookieTrick.all {
        attempt("Cookie \(name)", trick.name, route) {
          trick.request(forged, name, $0)
        } isArrival: {
          $0.shows($1, inCookie: name)
        }
      }
    }
    guard let token = try token(for: route), route.route.token == .remove else { return }
    for (trick, credential) in [("Bearer", "Bearer \(token)"), ("bearer", "bearer  \(token)")] {
      var sent = forged
      sent.credential = credential
      attempt("token", trick, route) { _ in
        sent.bytes()
      } isArrival: { arrived, _ in
        arrived.shows(token)
      }
    }
    for name in route.tokenCookies {
      var sent = forged
      sent.credential = nil
      attempt("token", "cookie \(name)", route) { _ in
        sent.bytes("Cookie: \(name)=\(token)\r\n")
      } isArrival: { arrived, _ in
        arrived.shows(token)
      }
    }
  }

  /// Why nothing that is sent to the route would show anything: a harmless request has to be forwarded as it is.
  private mutating func fault(of route: ProbedRoute, _ request: ForgedRequest) -> String? {
    let value = nextValue()
    let outcome = send(request.bytes("X-Harmless: \(value)\r\n"))
    if outcome.arrived.contains(where: { $0.shows(value, as: "X-Harmless") }) { return nil }
    return "\(request.method) \(request.host)\(request.path) did not arrive: \(verdict(of: outcome).text)"
  }

  private mutating func attempt(
    _ subject: String, _ trick: String, _ route: ProbedRoute, _ request: (String) -> [UInt8],
    isArrival: (ArrivedRequest, String) -> Bool
  ) {
    let value = nextValue()
    let outcome = send(request(value))
    let hasArrived = outcome.arrived.contains { isArrival($0, value) }
    report.results.append(
      ProbeReport.Result(
        subject: subject, trick: trick, verdict: hasArrived ? .arrived : verdict(of: outcome), route: route.route.name))
  }

  /// One that stands in no other request.
  private mutating func nextValue() -> String {
    requests += 1
    return "portcullis-probe-\(requests)-"
  }

  // MARK: One request

  private struct Outcome {
    let arrived: [ArrivedRequest]
    /// nil: there was none in time.
    let answer: [UInt8]?
  }

  private func send(_ request: [UInt8]) -> Outcome {
    let answer = ProbeClient.exchange(request, with: address, on: loop)
    return Outcome(arrived: received.take().map { ArrivedRequest($0) }, answer: answer)
  }

  private func verdict(of outcome: Outcome) -> ProbeReport.Verdict {
    guard let answer = outcome.answer else { return .unknown("no answer in time") }
    let head = ArrivedRequest(answer)
    guard
      let status = String(decoding: answer.prefix(12), as: UTF8.self).split(separator: " ").last.flatMap({ Int($0) })
    else { return outcome.arrived.isEmpty ? .unknown("closed without an answer") : .stripped }
    if !outcome.arrived.isEmpty, status < 500 { return .stripped }
    guard (400..<500).contains(status) else { return .unknown("\(status)") }
    let id = head.fields.first { ArrivedRequest.folded($0.name) == "x-request-id" }?.value
    return .refused(status: status, reason: id.flatMap { reason(ofRequest: $0) })
  }

  /// What the gateway's own memory of refusals says.
  private func reason(ofRequest id: String) -> String? {
    let lines = Mutex<[[UInt8]]>([])
    let collected = DispatchSemaphore(value: 0)
    server.collect { traffic in
      lines.withLock { $0 = traffic.refusals }
      collected.signal()
    }
    collected.wait()
    for line in lines.withLock({ $0 }).prefix(8) {
      guard let record = try? JSON.parse(line.span).object, record["request_id"]?.string == id else { continue }
      return record["reason"]?.string
    }
    return nil
  }

  // MARK: Who it comes from

  private func request(of route: ProbedRoute) throws -> ForgedRequest {
    ForgedRequest(
      method: route.method, host: route.host, path: route.path, credential: try token(for: route).map { "Bearer \($0)" }
    )
  }

  /// One with a subject alone: what else is said upstream can only come from the client.
  private func token(for route: ProbedRoute) throws -> String? {
    guard let policy = route.provider?.policy else { return nil }
    let now = WallClock.nanoseconds / 1_000_000_000
    var claims = JSONValue.object([
      "iss": .string(policy.issuer), "iat": .integer(now), "exp": .integer(now + 3600),
    ])
    try claims.set(policy.claims.subject, .string("probe"))
    return String(decoding: try TokenMinter.mint(claims.object ?? [:], with: key), as: UTF8.self)
  }
}
