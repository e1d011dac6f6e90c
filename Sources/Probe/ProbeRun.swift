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

/// Nothing could be tried.
public struct ProbeFault: Error, CustomStringConvertible {
  /// For operators: why.
  public let description: String

  init(_ error: any Error) { description = "\(error)" }
  init(description: String) { self.description = description }
}

/// A gateway in this process, with an upstream of its own, and what is sent through it.
public struct ProbeRun: ~Copyable {
  let configuration: GatewayConfiguration
  private let server: Server
  private let upstream: LoopBound<ProbeUpstream>
  private let loop: EventLoop
  /// By which requests are sent to the route that is being tried.
  var way: ProbeClient.Way
  let clear: ProbeClient.Way
  /// Where a certificate is shown; nil: nobody is known by one.
  private let secured: ProbeClient.Way?
  private let received: ReceivedBytes
  private let key: IssuerKey
  private let credentials: ProbedCredentials
  private let routes: (routes: [ProbedRoute], unreached: [String])
  let fieldTricks: FieldTricks
  var report = ProbeReport()
  private(set) var attempts: [Attempt] = []

  /// What is looked for of one request, in all that arrives while the probe runs.
  struct Attempt {
    /// Where its verdict stands in the report; nil: it has none.
    let result: Int?
    let isArrival: (ArrivedRequest) -> Bool
  }

  /// Probes `configuration`. Blocks until it is done: seconds, for a few routes.
  ///
  /// - Throws: If the gateway or the upstream of the probe could not start.
  public static func report(on configuration: GatewayConfiguration) throws(ProbeFault) -> ProbeReport {
    try report(on: configuration, trying: .all)
  }

  static func report(
    on configuration: GatewayConfiguration, trying fieldTricks: FieldTricks
  ) throws(ProbeFault) -> ProbeReport {
    do {
      var run = try ProbeRun(configuration, fieldTricks)
      let (routes, unreached) = run.routes
      for route in routes {
        for sender in route.senders { try run.probe(route, sender) }
        for sender in route.senders { try run.ask(about: route, sender) }
        guard route.senders.isEmpty else { continue }
        run.report.routes.append(
          ProbeReport.Route(
            name: route.route.name, alike: route.alike,
            fault: "its providers read tokens only from WebSocket handshakes, which it does not allow"))
      }
      for name in unreached {
        run.report.routes.append(
          ProbeReport.Route(name: name, alike: [], fault: "no request reaches it: earlier routes match all of them"))
      }
      run.settle()
      run.server.drain {}
      return run.report
    } catch {
      throw ProbeFault(error)
    }
  }

  private init(_ configuration: GatewayConfiguration, _ fieldTricks: FieldTricks) throws {
    let (loop, received) = (try EventLoop(label: "probe"), ReceivedBytes())
    guard let any = SocketAddress(ipv4: "127.0.0.1", port: 0) else {
      throw ProbeFault(description: "127.0.0.1 is not an address")
    }
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
    let routes = ProbedRoute.all(of: probed)
    // The second listener is theirs.
    let certificates = probed.listeners.count > 1 ? try ProbedCertificates(for: routes.routes.map(\.host)) : nil
    let clear = ProbeClient.Way(address: try ProbeRun.address(of: 0, "127.0.0.1", sockets), context: nil)
    let secured = try certificates.map {
      ProbeClient.Way(address: try ProbeRun.address(of: 1, "127.0.0.2", sockets), context: $0.client)
    }
    server = try Server(
      active, sockets: sockets, keys: keys,
      tls: ListenerContexts(
        [nil] + (certificates.map { [$0.listener] } ?? []), tickets: TicketKeys(), workers: 1),
      upstreams: upstreams.snapshots, accessLog: AccessLog(.off, format: .json) { _ in }, isWatched: true
    ) { _ in }
    let (server, credentials) = (server, ProbedCredentials(probed.providers))
    server.start(
      ControlRequests(introspect: { server.answer($0, credentials.answer($0, now: ProbeRun.now)) }), begun: {},
      failed: { _ in })
    loop.start()
    let upstream = LoopBound(ProbeUpstream(socket, received, loop), loop: loop)
    // Where it cannot, each request is answered 502, and the report says so.
    upstream.async { try? $0.start() }
    (self.loop, self.received, self.routes, self.key) = (loop, received, routes, key)
    (self.clear, self.secured, way) = (clear, secured, clear)
    (self.upstream, self.configuration, self.credentials) = (upstream, probed, credentials)
    self.fieldTricks = fieldTricks
  }

  private static func address(
    of listener: Int, _ host: String, _ sockets: ListenerSockets
  ) throws(ProbeFault) -> SocketAddress {
    guard sockets.all.indices.contains(listener),
      let address = SocketAddress(ipv4: host, port: sockets.all[listener].port)
    else { throw ProbeFault(description: "nothing listens on \(host)") }
    return address
  }

  private mutating func probe(_ route: ProbedRoute, _ sender: ProbedRoute.Sender) throws {
    way = sender.showsCertificate ? secured ?? clear : clear
    let sent = try sender.provider.map { provider in
      try sender.places.map { try credential(of: provider, in: $0) }
    }
    let name = route.senders.count == 1 ? route.route.name : "\(route.route.name), as \(sender.name)"
    var forged = ForgedRequest(
      method: route.method, isSecure: way.context != nil, host: route.host, path: route.path)
    if let first = sent?.first { forged.send(first.credential) }
    let fault = fault(of: forged)
    report.routes.append(ProbeReport.Route(name: name, alike: route.alike, fault: fault))
    guard fault == nil else { return }
    for field in route.fieldNames { attempt(fieldTricks.ofFields, with: field, name, forged) }
    for field in route.listedNames { attempt(fieldTricks.ofListedFields, with: field, name, forged) }
    for cookie in route.cookieNames {
      for trick in CookieTrick.all {
        attempt("Cookie \(cookie)", trick.name, name) {
          trick.request(forged, cookie, $0)
        } isArrival: {
          $0.shows($1, inCookie: cookie)
        }
      }
    }
    guard route.route.token == .remove else { return }
    for each in sent ?? [] {
      var request = forged
      request.send(each.credential)
      attempt("token", each.place, name) {
        request.bytes("X-Harmless: \($0)\r\n")
      } isArrival: { arrived, _ in
        arrived.shows(each.text)
      }
      guard case .authorization(let value) = each.credential else { continue }
      request.send(.authorization("bearer  " + value.dropFirst("Bearer ".count)))
      attempt("token", "bearer", name) {
        request.bytes("X-Harmless: \($0)\r\n")
      } isArrival: { arrived, _ in
        arrived.shows(each.text)
      }
    }
  }

  private mutating func attempt(
    _ tricks: [FieldTrick], with field: String, _ route: String, _ forged: ForgedRequest
  ) {
    for trick in tricks {
      attempt(field, trick.name, route) {
        trick.request(forged, field, $0)
      } isArrival: {
        $0.shows($1, as: field)
      }
    }
  }

  /// What somebody of a provider sends.
  struct SentCredential {
    /// As the report names it.
    let place: String
    let credential: ForgedRequest.Credential
    /// What no upstream is to see.
    let text: String
  }

  func credential(of provider: ProviderConfiguration, in source: CredentialSource) throws -> SentCredential {
    let claims = try claims(of: provider)
    let signed = String(decoding: try TokenMinter.mint(claims.object ?? [:], with: key), as: UTF8.self)
    // As random as what a store or an issuer without keys would give.
    let opaque = signed.split(separator: ".").last.map(String.init) ?? signed
    var text = signed
    if case .session = source {
      text = opaque
    } else if provider.introspection != nil {
      if provider.keys == .none { text = opaque }
      credentials.add(.token(Array(text.utf8)), of: provider.name, claims: claims.serialized())
    }
    switch source {
    case .authorization:
      return SentCredential(place: "Bearer", credential: .authorization("Bearer \(text)"), text: text)
    case .cookie(let name):
      return SentCredential(place: "cookie \(name)", credential: .cookie("\(name)=\(text)"), text: text)
    case .session(let name):
      credentials.add(.session(Array(text.utf8)), of: provider.name, claims: claims.serialized())
      return SentCredential(place: "session \(name)", credential: .cookie("\(name)=\(text)"), text: text)
    case .webSocketProtocol:
      return SentCredential(place: "WebSocket protocol", credential: .webSocketProtocol(text), text: text)
    // Resolved to the cookie's name in every configuration.
    case .signInCookie: return SentCredential(place: "nothing", credential: .none, text: text)
    }
  }

  /// Why nothing that is sent to the route would show anything: a harmless request has to be forwarded as it is.
  private mutating func fault(of request: ForgedRequest) -> String? {
    let value = begin(Attempt(result: nil) { _ in false })
    let outcome = send(request.bytes("X-Harmless: \(value)\r\n"))
    if outcome.arrived.contains(where: { $0.shows(value, as: "X-Harmless") }) { return nil }
    return "\(request.method) \(request.host)\(request.path) did not arrive: \(verdict(of: outcome).text)"
  }

  private mutating func attempt(
    _ subject: String, _ trick: String, _ route: String, _ request: (String) -> [UInt8],
    isArrival: @escaping (ArrivedRequest, String) -> Bool
  ) {
    let value = ProbeRun.value(attempts.count, as: subject)
    _ = begin(Attempt(result: report.results.count) { isArrival($0, value) })
    report.results.append(
      ProbeReport.Result(subject: subject, trick: trick, verdict: .unknown("not answered yet"), route: route))
    let place = report.results.count - 1
    let outcome = send(request(value))
    if report.results[place].verdict != .arrived { report.results[place].verdict = verdict(of: outcome) }
  }

  /// - Returns: The text that is looked for, which stands in no other request.
  mutating func begin(_ attempt: Attempt) -> String {
    attempts.append(attempt)
    return ProbeRun.value(attempts.count - 1)
  }

  private static let valueStart = "portcullis-probe-"

  /// - Parameter subject: A field that holds an address passes no other text where a proxy is believed: those are of
  ///   networks that are for tests (RFC 2544).
  static func value(_ number: Int, as subject: String = "") -> String {
    switch subject {
    case "X-Forwarded-For", "X-Real-IP": "198.18.\(number >> 8 & 0xFF).\(number & 0xFF)"
    default: "\(valueStart)\(number)-"
    }
  }

  // MARK: One request

  struct Outcome {
    let arrived: [ArrivedRequest]
    /// nil: there was none in time.
    let response: [UInt8]?
  }

  mutating func send(_ request: [UInt8]) -> Outcome {
    let response = ProbeClient.exchange(request, by: way, on: loop)
    return Outcome(arrived: settle(), response: response)
  }

  /// Takes what upstreams were sent by now, and gives each arrival to the attempt that it is of: bytes may come late.
  @discardableResult
  private mutating func settle() -> [ArrivedRequest] {
    let drained = DispatchSemaphore(value: 0)
    upstream.async {
      $0.drain()
      drained.signal()
    }
    drained.wait()
    return received.take().map { bytes in
      let arrived = ArrivedRequest(bytes)
      for number in Set(ProbeRun.numbers(in: bytes) + [attempts.count - 1]) where attempts.indices.contains(number) {
        guard let result = attempts[number].result, attempts[number].isArrival(arrived) else { continue }
        report.results[result].verdict = .arrived
      }
      return arrived
    }
  }

  /// Of the attempts whose text stands in what arrived.
  private static func numbers(in bytes: [UInt8]) -> [Int] {
    let start = Array(valueStart.utf8)
    var numbers: [Int] = []
    for index in bytes.indices where bytes[index...].starts(with: start) {
      let digits = bytes[(index + start.count)...].prefix { (0x30...0x39).contains($0) }
      if let number = Int(String(decoding: digits, as: UTF8.self)) { numbers.append(number) }
    }
    return numbers
  }

  /// By the response to the last request, where there were several.
  ///
  /// - Parameter isQuestion: Whether it asks about a request, which is let pass where the response is 200.
  func verdict(of outcome: Outcome, isQuestion: Bool = false) -> ProbeReport.Verdict {
    guard let response = outcome.response else { return .unknown("no response in time") }
    guard let last = ArrivedResponse.all(in: response).last else { return .unknown("closed without a response") }
    if (400..<500).contains(last.status) {
      return .refused(status: last.status, reason: last.requestID.flatMap { reason(ofRequest: $0) })
    }
    if isQuestion { return last.status == 200 ? .stripped : .unknown("\(last.status)") }
    return outcome.arrived.isEmpty || last.status >= 400 ? .unknown("\(last.status)") : .stripped
  }

  /// What the gateway's own memory of refusals says.
  private func reason(ofRequest id: String) -> String? {
    let lines = Mutex<[[UInt8]]>([])
    let collected = DispatchSemaphore(value: 0)
    server.collect { traffic in
      lines.withLock { $0 = traffic.refusals.flatMap { $0.latestFirst.prefix(8).map(\.line) } }
      collected.signal()
    }
    collected.wait()
    for line in lines.withLock({ $0 }) {
      guard let record = try? JSON.parse(line.span).object, record["request_id"]?.string == id else { continue }
      return record["reason"]?.string
    }
    return nil
  }

  /// A subject alone: what else is said upstream can only come from the client.
  private func claims(of provider: ProviderConfiguration) throws -> JSONValue {
    let policy = provider.policy
    var claims = JSONValue.object([
      "iss": .string(policy.issuer), "iat": .integer(ProbeRun.now), "exp": .integer(ProbeRun.now + 3600),
    ])
    try claims.set(policy.claims.subject, .string("probe"))
    return claims
  }

  private static var now: Int64 { WallClock.seconds }
}
