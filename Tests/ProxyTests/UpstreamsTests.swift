import Configuration
import Sockets
import Synchronization
import TLS
import Testing

@testable import Proxy

/// What names stand for, in the hands of a test.
private final class Names: Sendable {
  private let answers = Mutex<[String: [String]]>([:])
  private let asked = Mutex<[String]>([])
  private let running = Mutex<(now: Int, most: Int)>((0, 0))

  func set(_ name: String, _ literals: String...) { answers.withLock { $0[name] = literals } }
  func remove(_ name: String) { answers.withLock { $0[name] = nil } }
  var questions: [String] { asked.withLock { $0 } }
  /// How many were asked for at the same time.
  var mostAtOnce: Int { running.withLock { $0.most } }

  func find(_ name: String, _ port: UInt16) -> Result<[SocketAddress], NameLookupError> {
    asked.withLock { $0.append(name) }
    running.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
    defer { running.withLock { $0.now -= 1 } }
    // As servers of names that do not answer.
    while name.hasPrefix("dead"), answers.withLock({ $0[name] }) == nil { BlockingWork.sleep(.milliseconds(5)) }
    guard let literals = answers.withLock({ $0[name] }) else { return .failure(NameLookupError(code: -2)) }
    return .success(
      literals.compactMap { literal in
        literal.contains(":")
          ? SocketAddress(ipv6: literal, port: port) : SocketAddress(ipv4: literal, port: port)
      })
  }
}

/// Upstreams on a loop of their own, and all that they said.
private final class RunningUpstreams: Sendable {
  let names = Names()
  private let said = Events()
  private let bound: LoopBound<Upstreams>

  /// Loops live as long as the tests: what libdispatch still has to run may name them.
  private static let loops = Mutex<[EventLoop]>([])

  init(_ definitions: [UpstreamDefinition], known: [String: String] = [:]) throws {
    let loop = try EventLoop(label: "upstreams")
    RunningUpstreams.loops.withLock { $0.append(loop) }
    loop.start()
    for (name, literal) in known { names.set(name, literal) }
    let (names, said) = (names, said)
    let upstreams = try Upstreams(
      definitions, workers: 1, loop: loop, lookup: { names.find($0, $1) }, report: { said.add($0) })
    bound = LoopBound(upstreams, loop: loop)
  }

  final class Events: Sendable {
    private let list = Mutex<[String]>([])
    func add(_ event: ProxyEvent) {
      guard case .upstream(_, let event) = event else { return }
      let text =
        switch event {
        case .serversChanged(let servers): "servers " + servers.joined(separator: " ")
        case .nameUnresolved(let name, _, let keeps): "unresolved \(name)" + (keeps ? " keeps" : "")
        case .nameResolved(let name): "resolved \(name)"
        default: "\(event)"
        }
      list.withLock { $0.append(text) }
    }
    var all: [String] { list.withLock { $0 } }
  }

  var eventTexts: [String] { said.all }

  func with<Value: Sendable>(_ body: @escaping @Sendable (Upstreams) -> Value) async -> Value {
    await withCheckedContinuation { done in bound.async { done.resume(returning: body($0)) } }
  }

  /// Begins, and waits until it is ready.
  func start() async {
    let bound = bound
    await withCheckedContinuation { ready in
      bound.async {
        $0.start(comingBack: { body in bound.async(body) }, publish: { _ in }, ready: { ready.resume() })
      }
    }
  }

  func prepare(_ definitions: [UpstreamDefinition]) async {
    let bound = bound
    await withCheckedContinuation { ready in
      bound.async { upstreams in
        do throws(TLSFault) {
          try upstreams.prepare(definitions) { ready.resume() }
        } catch {
          Issue.record("not prepared: \(error)")
          ready.resume()
        }
      }
    }
  }

  /// Has names looked up again.
  func lookUp() async {
    await with { upstreams in
      for snapshot in upstreams.snapshots { upstreams.lookUp(snapshot.state) }
    }
  }

  func servers() async -> [[ServerState]] { await with { $0.snapshots.map(\.servers) } }
  func serverNames() async -> [[String]] { await servers().map { $0.map(\.name) } }

  /// Waits until it has these servers.
  func wait(_ expected: [[String]]) async throws {
    for _ in 0..<500 {
      if await serverNames() == expected { return }
      try await Task.sleep(for: .milliseconds(20))
    }
    #expect(await serverNames() == expected)
  }

  func waitEvent(_ text: String) async throws {
    for _ in 0..<500 where !eventTexts.contains(text) { try await Task.sleep(for: .milliseconds(20)) }
    #expect(eventTexts.contains(text), "\(eventTexts)")
  }
}

private func upstreams(_ text: String, tls: TLSClientContext.Settings? = nil) throws -> [UpstreamDefinition] {
  let file = """
    listeners: [{ address: 127.0.0.1:8080 }]
    upstreams:
      echo: { builtin: echo }
    \(text)
    routes: [{ path: /, auth: none, upstream: echo }]
    """
  let configuration = try GatewayConfiguration.parse(
    Array(file.utf8), file: "gateway.conf", environment: [:], processorCount: 1
  ).get()
  return configuration.upstreams.dropFirst().map { UpstreamDefinition($0, tls: tls) }
}

@Suite("Upstreams and their names")
struct UpstreamsTests {
  @Test("All addresses of a name are servers, each once, beside those that are written")
  func addresses() async throws {
    let running = try RunningUpstreams(
      try upstreams("  app: { servers: [\"10.0.0.1:80\", { address: \"app.example:80\", weight: 3 }] }"))
    running.names.set("app.example", "10.0.0.1", "10.0.0.2", "fd00::1")
    await running.start()
    #expect(await running.serverNames() == [["10.0.0.1:80", "10.0.0.2:80", "[fd00::1]:80"]])
    let servers = await running.servers()[0]
    #expect(servers.map(\.weight) == [1, 3, 3])
    #expect(servers.map(\.host) == ["10.0.0.1:80", "app.example:80", "app.example:80"])
    #expect(servers.map(\.isResolved) == [false, true, true])
  }

  @Test("A name that cannot be resolved keeps what it had; said once, as is that it can be again")
  func failure() async throws {
    let running = try RunningUpstreams(try upstreams("  app: { servers: [\"app.example:80\"] }"))
    await running.start()
    #expect(await running.serverNames() == [[]])
    #expect(running.eventTexts == ["unresolved app.example:80"])
    running.names.set("app.example", "10.0.0.1")
    // It is asked for again by itself, and soon.
    try await running.wait([["10.0.0.1:80"]])
    running.names.remove("app.example")
    await running.lookUp()
    try await running.waitEvent("unresolved app.example:80 keeps")
    #expect(await running.serverNames() == [["10.0.0.1:80"]])
    running.names.set("app.example", "10.0.0.2")
    try await running.wait([["10.0.0.2:80"]])
    #expect(
      running.eventTexts == [
        "unresolved app.example:80", "resolved app.example:80", "servers 10.0.0.1:80",
        "unresolved app.example:80 keeps", "resolved app.example:80", "servers 10.0.0.2:80",
      ])
  }

  @Test("What is known of a server stays with it while its address does")
  func identity() async throws {
    let running = try RunningUpstreams(try upstreams("  app: { servers: [\"app.example:80\"] }"))
    running.names.set("app.example", "10.0.0.1", "10.0.0.2")
    await running.start()
    let before = await running.servers()[0]
    running.names.set("app.example", "10.0.0.2", "10.0.0.3")
    await running.lookUp()
    try await running.wait([["10.0.0.2:80", "10.0.0.3:80"]])
    let after = await running.servers()[0]
    #expect(after[0] === before[1])
  }

  @Test("A reload keeps what is defined as before, and asks for no name again that it knows")
  func reload() async throws {
    let first = try upstreams(
      "  app: { servers: [\"app.example:80\"] }\n  other: { servers: [\"other.example:80\"] }")
    let running = try RunningUpstreams(first, known: ["app.example": "10.0.0.1", "other.example": "10.0.0.2"])
    await running.start()
    let before = await running.with { $0.snapshots }
    let next = try upstreams(
      "  app: { servers: [\"app.example:80\"], retries: 2 }\n  other: { servers: [\"other.example:80\"] }"
        + "\n  new: { servers: [\"new.example:80\"] }")
    running.names.set("new.example", "10.0.0.3")
    running.names.remove("app.example")
    await running.prepare(next)
    // Until it is in force nothing has changed.
    #expect(await running.serverNames() == [["10.0.0.1:80"], ["10.0.0.2:80"]])
    await running.with { $0.commit() }
    let after = await running.with { $0.snapshots }
    #expect(after.map { $0.servers.map(\.name) } == [["10.0.0.1:80"], ["10.0.0.2:80"], ["10.0.0.3:80"]])
    #expect(after[0].state !== before[0].state)
    #expect(after[1].state === before[1].state && after[1].servers[0] === before[1].servers[0])
  }

  @Test("https servers: what their certificates have to be for, and what Host says of them")
  func secured() async throws {
    let tls = TLSClientContext.Settings(authorities: try ServerAuthorities())
    let running = try RunningUpstreams(
      try upstreams(
        """
          app: { servers: ["https://app.example", "https://[::1]:8443", "https://localhost:1", "10.0.0.1:443"] }
          named: { servers: ["https://app.example:1", "https://[::1]:1"], tls: { server_name: b.example } }
          address: { servers: ["https://app.example:1"], tls: { server_name: "::2" } }
          same: { servers: ["https://app.example", "https://other.example", "10.0.0.1:443"] }
        """, tls: tls), known: ["app.example": "10.0.0.1", "other.example": "10.0.0.1"])
    await running.start()
    let servers = await running.servers()
    #expect(servers[0].map(\.securedHost) == ["app.example", "::1", "localhost", nil])
    #expect(servers[0].map(\.host) == ["app.example:443", "[::1]:8443", "localhost:1", "10.0.0.1:443"])
    #expect(servers[1].map(\.securedHost) == ["b.example", "b.example"])
    #expect(servers[1].map(\.host) == ["b.example:1", "b.example:1"])
    #expect(servers[2].map(\.host) == ["[::2]:1"])
    // One address, but not one server: another certificate is asked of it.
    #expect(servers[3].map(\.securedHost) == ["app.example", "other.example", nil])
  }

  @Test("A reload begins anew where what is spoken is another")
  func securedReload() async throws {
    let text = "  app: { servers: [\"https://10.0.0.1:80\"] }"
    let authorities = try ServerAuthorities()
    let running = try RunningUpstreams(try upstreams(text, tls: .init(authorities: authorities)))
    await running.start()
    let before = await running.with { $0.snapshots[0].state }
    await running.prepare(try upstreams(text, tls: .init(authorities: try ServerAuthorities())))
    await running.with { $0.commit() }
    #expect(await running.with { $0.snapshots[0].state } === before)
    await running.prepare(try upstreams(text, tls: nil))
    await running.with { $0.commit() }
    #expect(await running.with { $0.snapshots[0].state } !== before)
  }

  @Test("A name whose servers do not answer holds up no other, of its upstream or elsewhere")
  func dead() async throws {
    let running = try RunningUpstreams(
      try upstreams(
        """
          app: { servers: ["dead.example:80", "app.example:80"] }
          other: { servers: ["other.example:80"] }
        """), known: ["app.example": "10.0.0.1", "other.example": "10.0.0.2"])
    let beginning = Task { await running.start() }
    try await running.wait([["10.0.0.1:80"], ["10.0.0.2:80"]])
    running.names.set("app.example", "10.0.0.3")
    await running.lookUp()
    try await running.wait([["10.0.0.3:80"], ["10.0.0.2:80"]])
    // It was not asked for again meanwhile.
    #expect(running.names.questions.filter { $0 == "dead.example" }.count == 1)
    running.names.set("dead.example", "10.0.0.4")
    try await running.wait([["10.0.0.4:80", "10.0.0.3:80"], ["10.0.0.2:80"]])
    await beginning.value
  }

  @Test("Many names that nobody answers take a few threads, and the others their turn once those are free")
  func many() async throws {
    let dead = (0..<20).map { "\"dead-\($0).example:80\"" }.joined(separator: ", ")
    let running = try RunningUpstreams(
      try upstreams("  app: { servers: [\(dead)] }\n  other: { servers: [\"other.example:80\"] }"),
      known: ["other.example": "10.0.0.2"])
    let beginning = Task { await running.start() }
    for _ in 0..<500 where running.names.questions.count < 8 { try await Task.sleep(for: .milliseconds(20)) }
    for index in 0..<20 { running.names.set("dead-\(index).example", "10.0.1.\(index)") }
    for _ in 0..<500 where await running.serverNames()[0].count < 20 { try await Task.sleep(for: .milliseconds(20)) }
    try await running.wait([(0..<20).map { "10.0.1.\($0):80" }, ["10.0.0.2:80"]])
    #expect(running.names.mostAtOnce == Limits.lookupsAtOnceMax)
    await beginning.value
  }

  @Test("Names that a reload has no use for any more are not asked for when their turn comes")
  func stoppedNames() async throws {
    let dead = (0..<20).map { "\"dead-\($0).example:80\"" }.joined(separator: ", ")
    let running = try RunningUpstreams(
      try upstreams("  app: { servers: [\(dead)] }"), known: ["other.example": "10.0.0.2"])
    let beginning = Task { await running.start() }
    for _ in 0..<500 where running.names.questions.count < 8 { try await Task.sleep(for: .milliseconds(20)) }
    let preparing = Task { await running.prepare(try upstreams("  other: { servers: [\"other.example:80\"] }")) }
    // Neither has an answer, as all threads are taken; each begins all the same.
    await beginning.value
    try await preparing.value
    await running.with { $0.commit() }
    for index in 0..<20 { running.names.set("dead-\(index).example", "10.0.1.\(index)") }
    try await running.wait([["10.0.0.2:80"]])
    #expect(running.names.questions.count == Limits.lookupsAtOnceMax + 1)
  }

  @Test("A reload that is refused leaves everything as it was")
  func abandon() async throws {
    let running = try RunningUpstreams(try upstreams("  app: { servers: [\"10.0.0.1:80\"] }"))
    await running.start()
    let before = await running.with { $0.snapshots }
    await running.prepare(try upstreams("  app: { servers: [\"10.0.0.2:80\"] }"))
    await running.with { $0.abandon() }
    await running.with { $0.commit() }
    let after = await running.with { $0.snapshots }
    #expect(after.map { $0.servers.map(\.name) } == [["10.0.0.1:80"]] && after[0].state === before[0].state)
  }

  @Test("Failures to connect have names looked up once in a second, over all loops")
  func lookupPause() throws {
    let state = try UpstreamState(try upstreams("  app: { servers: [\"app.example:80\"] }")[0], workers: 1)
    let now = MonotonicTime.current
    #expect(state.mayLookUp(now) && !state.mayLookUp(now) && !state.mayLookUp(now + .milliseconds(999)))
    #expect(state.mayLookUp(now + .seconds(1)))
  }
}
