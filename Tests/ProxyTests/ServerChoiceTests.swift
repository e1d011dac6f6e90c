import Configuration
import Sockets
import Synchronization
import Testing

@testable import Proxy

/// Servers named `10.0.0.1:80` and so on, with these weights.
private func servers(_ weights: Int...) throws -> [UpstreamServer] {
  var servers: [UpstreamServer] = []
  for (index, weight) in weights.enumerated() {
    let address = try #require(SocketAddress(ipv4: "10.0.0.\(index + 1)", port: 80))
    servers.append(UpstreamServer(ServerState(.address(address), weight: weight), IdleConnections(max: 0)))
  }
  return servers
}

private let start = MonotonicTime(nanoseconds: 1_000_000_000_000)

private func choice(_ balance: UpstreamConfiguration.Balance, offset: Int = 0) -> ServerChoice {
  ServerChoice(balance, offset: offset, probeTimeout: .seconds(10))
}

extension ServerChoice {
  /// The last number of the address.
  fileprivate mutating func next(
    _ servers: [UpstreamServer], attempted: [ServerState] = [], now: MonotonicTime = start
  ) -> Int? {
    guard let server = choose(from: servers, attempted: attempted, now: now) else { return nil }
    return servers.firstIndex { $0 === server }.map { $0 + 1 }
  }
}

extension ServerState {
  fileprivate func eject(_ now: MonotonicTime = start) {
    for _ in 0..<ServerEjection.failuresMax { _ = ejection.failed(now, jitter: 1) }
  }
}

@Suite("The choice of a server")
struct ServerChoiceTests {
  @Test("In turn, by weight, and spread out")
  func roundRobin() throws {
    var equal = choice(.roundRobin)
    let three = try servers(1, 1, 1)
    #expect((0..<6).map { _ in equal.next(three) } == [1, 2, 3, 1, 2, 3])
    var weighted = choice(.roundRobin)
    let unequal = try servers(5, 1, 1)
    #expect((0..<7).map { _ in weighted.next(unequal) } == [1, 1, 2, 1, 3, 1, 1])
  }

  @Test("Loops begin at different servers", arguments: [0, 1, 2, 3, 64])
  func offset(_ offset: Int) throws {
    var choice = choice(.roundRobin, offset: offset)
    #expect(choice.next(try servers(1, 1, 1)) == offset % 3 + 1)
  }

  @Test("The fewest requests in flight for its weight")
  func leastRequests() throws {
    var choice = choice(.leastRequests)
    let servers = try servers(1, 1, 4)
    for server in servers { server.state.requestBegan() }
    #expect(choice.next(servers) == 3)
    for _ in 0..<7 { servers[2].state.requestBegan() }
    #expect(choice.next(servers).map { $0 < 3 } == true)
    servers[0].state.requestEnded()
    #expect((0..<5).map { _ in choice.next(servers) } == [1, 1, 1, 1, 1])
  }

  @Test("Equals have their turn")
  func leastRequestsOfEquals() throws {
    var choice = choice(.leastRequests)
    let servers = try servers(1, 1, 1)
    #expect(Set((0..<3).map { _ in choice.next(servers) }) == [1, 2, 3])
  }

  @Test("The better of two that are drawn: never the worst of all")
  func randomTwo() throws {
    var choice = choice(.randomTwo)
    let servers = try servers(1, 1, 1)
    for _ in 0..<10 { servers[1].state.requestBegan() }
    let chosen = (0..<200).map { _ in choice.next(servers) }
    #expect(Set(chosen) == [1, 3])
  }

  @Test("Draws follow the weights")
  func randomTwoByWeight() throws {
    var choice = choice(.randomTwo)
    let servers = try servers(1, 1, 1, 97)
    // Whoever is drawn beside it has as many requests for its weight, or more.
    let share = (0..<1000).count { _ in choice.next(servers) == 4 }
    #expect(share > 900)
  }

  @Test(
    "Another than those that were tried, as long as there is one",
    arguments: [UpstreamConfiguration.Balance.roundRobin, .leastRequests, .randomTwo])
  func attempted(_ balance: UpstreamConfiguration.Balance) throws {
    var choice = choice(balance)
    let servers = try servers(1, 1, 1)
    #expect(choice.next(servers, attempted: [servers[0].state, servers[1].state]) == 3)
    #expect(choice.next(servers, attempted: servers.map(\.state)) != nil)
  }

  @Test("Those that are down get nothing, also where all are")
  func down() throws {
    var choice = choice(.roundRobin)
    let servers = try servers(1, 1)
    servers[0].state.isDown.store(true, ordering: .relaxed)
    #expect((0..<3).map { _ in choice.next(servers) } == [2, 2, 2])
    #expect(choice.next(servers, attempted: [servers[1].state]) == 2)
    servers[1].state.isDown.store(true, ordering: .relaxed)
    #expect(choice.next(servers) == nil)
    #expect(choice.next([servers[0]]) == nil)
    #expect(choice.next([]) == nil)
  }

  @Test("One that is ejected is passed over, then tried by one request")
  func ejected() throws {
    var choice = choice(.roundRobin)
    let servers = try servers(1, 1)
    servers[0].state.eject()
    #expect((0..<3).map { _ in choice.next(servers) } == [2, 2, 2])
    let later = start + .seconds(2)
    // One that has failed on the other may be given to it, and is not the trial.
    #expect(choice.next(servers, attempted: [servers[1].state], now: later) == 1)
    #expect((0..<3).map { _ in choice.next(servers, now: later) } == [1, 2, 2])
    // Nothing was heard of that one.
    #expect((0..<3).map { _ in choice.next(servers, now: later + .seconds(10)) } == [1, 2, 2])
    #expect(servers[0].state.ejection.answered())
    #expect(Set((0..<4).map { _ in choice.next(servers, now: later) }) == [1, 2])
  }

  @Test("Where all are ejected they are asked all the same")
  func allEjected() throws {
    var choice = choice(.roundRobin)
    let servers = try servers(1, 1)
    for server in servers { server.state.eject() }
    #expect((0..<4).map { _ in choice.next(servers) } == [1, 2, 1, 2])
    #expect(choice.next(servers, attempted: [servers[0].state]) == 2)
  }

  @Test("One that is alone is asked all the same, and is said to fail")
  func aloneAndEjected() throws {
    var choice = choice(.roundRobin)
    let servers = try servers(1)
    servers[0].state.eject()
    #expect(servers[0].state.health == .ejected)
    #expect((0..<3).map { _ in choice.next(servers) } == [1, 1, 1])
    #expect(choice.next(servers, attempted: [servers[0].state]) == 1)
  }
}

@Suite("Ejection")
struct ServerEjectionTests {
  @Test("Three failures in a row, and none counts that came before an answer")
  func threshold() {
    let ejection = ServerEjection()
    #expect(ejection.failed(start, jitter: 1) == nil && ejection.failed(start, jitter: 1) == nil)
    #expect(!ejection.answered())
    #expect(ejection.failed(start, jitter: 1) == nil && ejection.failed(start, jitter: 1) == nil)
    #expect(!ejection.isEjected)
    #expect(ejection.failed(start, jitter: 1) == .seconds(1))
    #expect(ejection.isEjected)
    // Said once.
    #expect(ejection.failed(start, jitter: 1) == nil)
    #expect(ejection.answered() && !ejection.isEjected && !ejection.answered())
  }

  @Test("Pauses double with each trial that fails, up to a minute")
  func pauses() {
    #expect((1...8).map { ServerEjection.pause($0, 1) } == [1, 2, 4, 8, 16, 32, 60, 60].map { .seconds($0) })
    #expect(ServerEjection.pause(Int.max, 1) == .seconds(60))
    let ejection = ServerEjection()
    for _ in 0..<3 { _ = ejection.failed(start, jitter: 1) }
    var now = start
    for seconds in [1, 2, 4, 8] {
      #expect(!ejection.mayProbe(now + .milliseconds(seconds * 1000 - 1), within: .seconds(5)))
      now = now + .seconds(seconds)
      #expect(ejection.mayProbe(now, within: .seconds(5)))
      #expect(!ejection.mayProbe(now, within: .seconds(5)))
      #expect(ejection.failed(now, jitter: 1) == nil)
    }
  }

  @Test("One that comes and goes is said once a minute, and one that stays away in the end")
  func messages() throws {
    let state = try servers(1)[0].state
    func eject(_ now: MonotonicTime) -> [Int] { (0..<3).compactMap { _ in state.failed(now) } }
    #expect(eject(start) == [1])
    #expect(state.failed(start + .seconds(70)) == nil)
    #expect(state.answered() && !state.answered())
    #expect(eject(start + .seconds(70)) == [1])
    #expect(state.answered())
    #expect(eject(start + .seconds(80)) == [])
    #expect(!state.answered())
    #expect(eject(start + .seconds(100)) == [])
    // Requests go on to fail on it.
    #expect(state.failed(start + .seconds(129)) == nil)
    #expect(state.failed(start + .seconds(130)) == 2)
    #expect(state.answered())
  }

  @Test("What fails during a pause makes it no longer")
  func othersFailures() {
    let ejection = ServerEjection()
    for _ in 0..<10 { _ = ejection.failed(start, jitter: 1) }
    #expect(ejection.mayProbe(start + .seconds(1), within: .seconds(5)))
  }
}

@Suite("Health")
struct ServerHealthTests {
  @Test(
    "Up and down after so many results in a row; the first bad one alone is enough",
    arguments: [
      ("x", "x"), ("o", ""), ("oxxx", "   x"), ("oxxoxxoxxx", "         x"), ("xo", "x"), ("xoo", "x o"),
      ("xoxoo", "x   o"), ("xooxxx", "x o  x"),
    ])
  func changes(_ results: String, expected: String) {
    var health = ServerHealth(rise: 2, fall: 3)
    var said = ""
    for result in results {
      let changed = health.note(passed: result == "o")
      said += changed ? (health.isUp ? "o" : "x") : " "
    }
    while said.hasSuffix(" ") { said.removeLast() }
    #expect(said == expected)
  }
}
