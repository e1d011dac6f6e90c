public import Configuration
import Crypto
import Dispatch
import HTTP
import Keys
import Reason
import Sockets
import Synchronization
public import Telemetry
public import Tokens

/// Sends made-up secrets the way of requests, and looks for them in everything that is written about those: a gateway
/// that would write secrets into logs does not start (SECURITY L-2).
///
/// `MadeUpSecret` says where secrets are put, and `Program` what is written beside what this module writes. It runs before each
/// start and takes some tens of milliseconds, without sockets and files: the exchange has no I/O, and what answers for sign-ins
/// only rehearses. So it does not come to what is said of servers that are asked, keys, introspection endpoints and
/// collectors, nor to what is said of files, such as the configuration: of those, and of commands, tests of the whole
/// program prove it.
public enum SecretLeakTest {
  /// A text that was written.
  public struct Text: Sendable {
    /// Describes what wrote it, for the person who has to find that.
    public let place: String
    /// What was written.
    public let bytes: [UInt8]

    /// - Parameter place: Describes what wrote the text.
    public init(place: String, _ text: String) { self.init(place: place, [UInt8](text.utf8)) }

    /// - Parameter place: Describes what wrote the bytes.
    public init(place: String, _ bytes: [UInt8]) { (self.place, self.bytes) = (place, bytes) }
  }

  /// What the test runs with.
  public struct Setting {
    /// The configuration that requests are decided by; a made-up secret is in its URLs and headers.
    public let configuration: GatewayConfiguration
    /// The names of counters.
    public let metricNames: MetricNames
    /// The key of all providers.
    public let key: IssuerKey
  }

  /// The rest of the program.
  public struct Program {
    /// The paths that the gateway answers itself.
    public var responders: [LocalRoute] = []
    /// What a browser brings back from a provider: a query without the code, and a cookie.
    public var callback: (query: String, cookie: String)?
    /// Called with a token that is refused, and why.
    public var refused: (String, TokenError) -> Void = { _, _ in }
    /// The messages to operators since the last call.
    public var takeMessages: () -> [Text] = { [] }
    /// What operators can query of the counts and memory of a loop.
    public var pages: (LoopTraffic) -> [Text] = { _ in [] }

    /// A program that answers no path and writes nothing.
    public init() {}
  }

  /// Where a secret appears; nil if nowhere.
  ///
  /// - Parameter program: Made for the configuration that the test runs with.
  public static func leak(in program: (Setting) throws -> Program) -> String? {
    do {
      return try firstLeak(program)
    } catch {
      // A test that cannot be run proves nothing.
      return "nowhere that is known, as it could not be looked for (\(error))"
    }
  }

  private static func firstLeak(_ make: (Setting) throws -> Program) throws -> String? {
    let key = try IssuerKey(.generate(.ed25519), algorithm: .eddsa)
    let word = try MadeUpSecret.word()
    let setting = Setting(configuration: try configuration(word.text), metricNames: MetricNames(), key: key)
    let program = try make(setting)
    let shown = Text(place: "the configuration that operators are shown", "\(setting.configuration.effective)")
    if let place = place(of: SecretTraces(of: word.traces), in: [shown]) { return place }
    for canary in try canaries(key, now: WallClock.seconds) {
      // Of its own: what is remembered of the requests before holds nothing of this one.
      let run = Run(setting, program)
      let traces = SecretTraces(of: canary.traces)
      for request in canary.requests(callback: program.callback) {
        if let place = place(of: traces, in: try run.texts(of: request) + program.takeMessages()) { return place }
      }
      run.refuse(canary)
      if let place = place(of: traces, in: program.takeMessages() + program.pages(run.traffic)) { return place }
    }
    return nil
  }

  /// A secret that is not a token, and four tokens: one refused for its signature, one refused for its audience, a
  /// valid one, and a valid one that is bound to a key.
  private static func canaries(_ key: IssuerKey, now: UnixSeconds) throws -> [MadeUpSecret] {
    let other = try IssuerKey(.generate(.ed25519), algorithm: .eddsa)
    let (issuer, good) = ("\"iss\":\"\(SecretLeakTest.issuer)\",\"sub\":\"somebody\"", "\"aud\":\"canary\"")
    return [
      try MadeUpSecret.word(),
      try MadeUpSecret.token("\(issuer),\(good)", now, keyID: key.keyID, other),
      try MadeUpSecret.token("\(issuer),\"aud\":\"elsewhere\"", now, keyID: key.keyID, key),
      try MadeUpSecret.token("\(issuer),\(good)", now, keyID: key.keyID, key),
      try MadeUpSecret.token("\(issuer),\(good),\"cnf\":{\"jkt\":\"\(key.keyID)\"}", now, keyID: key.keyID, key),
    ]
  }

  private static func place(of traces: SecretTraces, in texts: [Text]) -> String? {
    texts.first { traces.stand(in: $0.bytes) }?.place
  }

  // MARK: The configuration

  private static let issuer = "https://canary.invalid"

  /// - Parameter secret: The value contained in its URLs and headers.
  private static func configuration(_ secret: String) throws(Diagnostics) -> GatewayConfiguration {
    let keys = "jwks_url: \"https://canary.invalid/jwks?key=\(secret)\""
    let text = """
      listeners: [{ address: 127.0.0.1:0 }]
      log: { claims: rules }
      otlp: { url: "https://canary.invalid", traces: 100% }
      forward_auth: { path: /verify, peers: [127.0.0.1] }
      providers:
        canary:
          issuer: \(issuer)
          audiences: [canary]
          \(keys)
          token_from: [authorization, "cookie:session", websocket_protocol]
          dpop: allowed
        asked: { issuer: \(issuer), audiences: [canary], \(keys) }
        here:
          { issuer: \(issuer), audiences: [canary], \(keys), token_from: [authorization, "cookie:__Host-portcullis_access"] }
        there:
          issuer: \(issuer)
          audiences: [canary]
          code_flow: { client_id: canary, url: "https://\(MadeUpSecret.otherHost)", state: /nonexistent }
      upstreams: { canary: { builtin: echo } }
      routes:
        - { host: canary, path: /token, auth: canary, upstream: canary }
        - { host: canary, path: /rule, auth: canary, require: { roles: [admin] }, upstream: canary }
        - { host: canary, path: /asked, auth: asked, upstream: canary }
        - { host: canary, path: /here, auth: here, upstream: canary }
        - { host: \(MadeUpSecret.otherHost), path: /there, auth: there, upstream: canary }
        - { host: canary, path: /open, auth: none, headers: { set: { X-Api-Key: "\(secret)" } }, upstream: canary }
      """
    var configuration = try GatewayConfiguration.parse(
      [UInt8](text.utf8), file: "canary", environment: [:], processorCount: 1
    ).get()
    // Settings that normally name files are filled in without any.
    for index in configuration.providers.indices {
      switch configuration.providers[index].name {
      case "asked":
        configuration.providers[index].introspection = IntrospectionConfiguration(
          url: "https://canary.invalid/introspect?key=\(secret)", clientID: "canary",
          clientAuthentication: .secretFile(NamedFile(path: "/nonexistent")), tokens: .all, cacheSeconds: 0)
      case "here":
        configuration.providers[index].signIn = SignInConfiguration(
          users: .nobody, path: "/auth",
          hosts: [MadeUpSecret.host], lifetimeSeconds: 60, refreshSeconds: 60, idleSeconds: 60, title: "canary",
          logo: nil,
          accent: nil, cookies: SignInCookies(.secured))
      default: break
      }
    }
    return configuration
  }
}

/// Decides the requests of the test, and collects what is written about them.
private final class Run {
  let context: DecisionContext
  private let program: SecretLeakTest.Program
  private let exchange = Exchange()
  private let memory: AccessLogRing
  private var counts = TrafficCounts()

  init(_ setting: SecretLeakTest.Setting, _ program: SecretLeakTest.Program) {
    self.program = program
    let keys = ProviderKeys(keySet: KeySet([setting.key]), generation: 1, signer: nil)
    context = DecisionContext(
      ActiveConfiguration(
        setting.configuration, generation: 1, responders: program.responders, metricNames: setting.metricNames),
      keys: KeySnapshot(providers: setting.configuration.providers.map { _ in keys }),
      replays: ReplayMemory(proofsMax: 64) { _ in }, rateLimits: RateLimitMemory(sendersMax: 64), countsTokens: true)
    context.wallClockNanoseconds = WallClock.nanoseconds
    memory = AccessLogRing.remembering()
  }

  /// What a loop reports about all of them.
  var traffic: LoopTraffic {
    LoopTraffic(counts: counts, census: context.census, refusals: memory.recentRefusals)
  }

  /// The possible introspection results of a token.
  private var introspections: [IntrospectionResult] {
    let policy = context.active.configuration.providers[0].policy
    let answers = ["{}", "{\"iss\":\"https://elsewhere.invalid\"}", "{\"token_type\":\"canary\",\"aud\":\"canary\"}"]
    return [.inactive, .unavailable]
      + answers.map { response in
        do throws(TokenError) {
          return .active(
            try IntrospectedToken(response: [UInt8](response.utf8), policy, now: context.unixSeconds, cacheSeconds: 0))
        } catch {
          return .refused(error)
        }
      }
  }

  /// Verifies the canary as a token, and reports the refusal, if any, to `program.refused`.
  func refuse(_ canary: MadeUpSecret) {
    let (policy, keys) = (context.active.configuration.providers[0].policy, context.keys.providers[0].keySet)
    do throws(TokenError) {
      let bytes = [UInt8](canary.text.utf8)
      _ = try TokenVerifier(policy).verify(
        bytes.span, keys: keys, now: context.unixSeconds, using: context.signatures)
    } catch {
      program.refused(canary.text, error)
    }
  }

  func texts(of request: MadeUpSecret.Request) throws -> [SecretLeakTest.Text] {
    var (texts, waits) = try texts(of: request, Answers())
    if waits == .introspection {
      for result in introspections { texts += try self.texts(of: request, Answers(introspection: result)).texts }
    }
    if waits == .renewal { texts += try self.texts(of: request, Answers(renewal: .unavailable)).texts }
    return texts
  }

  /// The results of what a request may wait for.
  private struct Answers {
    var introspection = IntrospectionResult.inactive
    var renewal = Renewal.none
  }

  private enum Waits { case nothing, introspection, renewal }

  private func texts(
    of request: MadeUpSecret.Request, _ answers: Answers
  ) throws -> (texts: [SecretLeakTest.Text], waited: Waits) {
    exchange.begin(startedAt: context.now, peer: Peer(AddressText("127.0.0.1"), port: 80), in: context)
    var texts: [SecretLeakTest.Text] = []
    var waited = Waits.nothing
    var isGoingOn = true
    while isGoingOn {
      isGoingOn = false
      guard parse(request.bytes) else {
        texts += refused(RefusalResponse(.requestLineInvalid, connection: .closed))
        break
      }
      switch exchange.decide(request.bytes.span, in: context) {
      case .refuse(let refusal): texts += refused(exchange.asAnswered(refusal))
      case .answer(let response): texts += answered(response, to: request)
      case .ask(let responder): texts += answered(answer(of: responder, to: request), to: request)
      case .forward(let head, _): context.blocks.give(head.takeBytes())
      case .waitForKeys: isGoingOn = true
      case .introspect:
        (waited, isGoingOn) = (.introspection, true)
        exchange.introspected(answers.introspection)
      case .renew:
        (waited, isGoingOn) = (.renewal, true)
        exchange.renewed(answers.renewal)
      }
    }
    return (texts + logged(), waited)
  }

  /// Whether the head is valid; if not, what it asks for is kept for its line in the log.
  private func parse(_ bytes: [UInt8]) -> Bool {
    do throws(HeadError) {
      if try RequestHeadParser.parse(
        bytes.span, from: 0, limits: context.active.headLimits, scheme: .http, into: &context.head)
      {
        return true
      }
    } catch {
      // Handled like a head that never arrives completely.
    }
    exchange.keepRefusedHead(bytes.span, in: context)
    return false
  }

  // MARK: What is written

  private func refused(_ refusal: RefusalResponse) -> [SecretLeakTest.Text] {
    exchange.refused(refusal)
    return ProblemBody.Format.allCases.map { format in
      let responseWriter = LocalResponseWriter(
        method: exchange.request.method, connection: .closed, version: exchange.request.version,
        requestID: exchange.requestID, date: [])
      var writer = HeadWriter(Buffer(capacity: LocalResponseWriter.bytesMax(refusal) + Limits.blockBytes))
      responseWriter.write(refusal, as: format, to: &writer)
      let bytes = writer.finish().withReadable { span in span.indices.map { span[$0] } }
      return SecretLeakTest.Text(place: "the response to a refused request", bytes)
    }
  }

  private func answered(_ response: LocalResponse, to request: MadeUpSecret.Request) -> [SecretLeakTest.Text] {
    exchange.answeredLocally(response)
    guard !request.isRepeated else { return [] }
    return [SecretLeakTest.Text(place: "a response from the gateway itself", response.body)]
  }

  private func answer(of responder: any Responder & Sendable, to request: MadeUpSecret.Request) -> LocalResponse {
    let path = context.path
    var local = LocalRequest(context.head, request.bytes.span, path: path.span)
    local.body = request.body
    local.requestID = exchange.requestID.text
    let received = Mutex<LocalResponse?>(nil)
    let answered = DispatchSemaphore(value: 0)
    responder.respond(to: local) { response in
      received.withLock { $0 = response }
      answered.signal()
    }
    answered.wait()
    return received.withLock { $0 } ?? LocalResponse(status: 500, fields: [], body: [])
  }

  private func logged() -> [SecretLeakTest.Text] {
    counts.count(exchange.measure(at: context.now))
    var record = AccessRecord()
    exchange.fill(&record, at: context.now)
    memory.write({ $0 = record }, decided: { self.exchange.decided($0) })
    return AccessLogRing.lines(of: record).map { SecretLeakTest.Text(place: "the access log", $0) }
  }
}
