import State
import Synchronization
import Testing
import Tokens

@testable import Gateway

/// What waits for its turn on the control loop.
private final class Turns: Sendable {
  private let waiting = Mutex<[@Sendable (EndedSignIns) -> Void]>([])

  var count: Int { waiting.withLock { $0.count } }

  func add(_ turn: @escaping @Sendable (EndedSignIns) -> Void) { waiting.withLock { $0.append(turn) } }

  func run(_ ended: EndedSignIns) {
    for turn in waiting.withLock({ waiting in
      defer { waiting = [] }
      return waiting
    }) { turn(ended) }
  }
}

/// Who was told, in that order.
private final class Told: Sendable {
  private let names = Mutex<[String]>([])
  var all: [String] { names.withLock { $0 } }

  func callback(_ name: String) -> @Sendable () -> Void { { self.names.withLock { $0.append(name) } } }
}

private func token(_ id: String, provider: String = "p", until: Int64 = 1000) -> EndedSignIn {
  EndedSignIn(.token, id: id, provider: provider, until: until)
}

@Suite("Sign-ins and tokens that have ended")
struct EndedSignInsTests {
  private func kind(_ ended: EndedSignIns, _ id: String, provider: String = "p") -> Revocations.Kind? {
    ended.revocations.kind(revoking: provider, jti: id, subject: id, keyID: id, signInID: id)
  }

  @Test("Each is refused as what it is, of its provider alone, and is news once")
  func learn() {
    let ended = EndedSignIns(clock: { 0 })
    #expect(ended.learn([token("a"), EndedSignIn(id: "b", provider: "p", until: 1000)]))
    #expect(kind(ended, "a") == .tokenID && kind(ended, "b") == .signInID && kind(ended, "a", provider: "q") == nil)
    #expect(ended.takeNews() == [RevokedName(.tokenID, "a"), RevokedName(.signInID, "b")])
    #expect(!ended.learn([token("a"), token("a", until: 5)]) && ended.takeNews().isEmpty)
    #expect(ended.learn([token("a", provider: "q")]) && ended.takeNews() == [RevokedName(.tokenID, "a")])
    #expect(kind(ended, "a", provider: "q") == .tokenID)
  }

  @Test("An id that no token can have ends nothing", arguments: ["", String(repeating: "x", count: 40_000)])
  func impossible(id: String) {
    let ended = EndedSignIns(clock: { 0 })
    #expect(!ended.learn([token(id)]))
    #expect(ended.revocations.isEmpty && ended.takeNews().isEmpty)
  }

  @Test("T-16: what is over is forgotten when many have come, and nothing that is not over")
  func sweep() {
    let ended = EndedSignIns(clock: { 1000 })
    ended.learn([token("over", until: 1000), token("prolonged", until: 10), token("lasting", until: 1001)])
    // The later word counts, and an earlier one takes nothing back.
    ended.learn([token("prolonged", until: 2000), token("lasting", until: 1)])
    ended.learn((0..<1000).map { token("t\($0)", until: 3000) })
    #expect(kind(ended, "over") == .tokenID)
    ended.learn((1000..<1100).map { token("t\($0)", until: 3000) })
    #expect(kind(ended, "over") == nil)
    #expect(kind(ended, "prolonged") == .tokenID && kind(ended, "lasting") == .tokenID)
    #expect((0..<1100).allSatisfy { kind(ended, "t\($0)") == .tokenID })
    #expect(ended.revocations.count == 1102)
  }

  @Test("T-16: what has ended stays so at whatever provider the issuer's tokens are accepted")
  func renamed() {
    let ended = EndedSignIns(clock: { 0 })
    ended.take(issuers: ["p": "i", "other": "j"])
    ended.learn([token("a"), EndedSignIn(id: "b", provider: "p", until: 1000)])
    ended.take(issuers: ["q": "i", "other": "j"])
    #expect(kind(ended, "a", provider: "q") == .tokenID && kind(ended, "b", provider: "q") == .signInID)
    #expect(kind(ended, "a", provider: "other") == nil)
    // Of one that is no longer configured too: its database may be written by others, its requests may still go on.
    ended.learn([token("c"), token("d", provider: "q")])
    #expect(kind(ended, "c", provider: "q") == .tokenID)
    // The way back, and two providers of one issuer.
    ended.take(issuers: ["p": "i", "q": "i", "other": "j"])
    for name in ["p", "q"] {
      #expect(["a", "b", "c", "d"].allSatisfy { kind(ended, $0, provider: name) != nil })
    }
    // Under its own name it is refused whatever its issuer is now.
    ended.take(issuers: ["p": "k", "r": "i"])
    #expect(["a", "b", "c"].allSatisfy { kind(ended, $0) != nil && kind(ended, $0, provider: "r") != nil })
    #expect(kind(ended, "d", provider: "r") == .tokenID && kind(ended, "d") == nil)
  }

  @Test("T-16: and after those that are over were forgotten")
  func renamedAndSwept() {
    let ended = EndedSignIns(clock: { 1000 })
    ended.take(issuers: ["p": "i", "q": "i"])
    ended.learn([token("over", until: 1000)] + (0..<1100).map { token("t\($0)", until: 3000) })
    #expect(kind(ended, "over", provider: "q") == nil && kind(ended, "t7", provider: "q") == .tokenID)
  }

  @Test("Before there is a control loop nothing waits for one")
  func beforeStart() {
    let (ended, told) = (EndedSignIns(clock: { 0 }), Told())
    ended.relay.add([token("a")], told: told.callback("a"))
    #expect(told.all == ["a"] && ended.revocations.isEmpty)
  }

  @Test("The way to the control loop is as long after very many as it was before")
  func many() {
    let (ended, turns, told) = (EndedSignIns(clock: { 0 }), Turns(), Told())
    ended.start(comingBack: { turns.add($0) }, changed: { $0() })
    // Were each look at the closure to wrap it once more, this one's thread would run out of stack.
    for _ in 0..<500_000 { ended.relay.add([]) }
    turns.run(ended)
    ended.relay.add([token("a")], told: told.callback("a"))
    turns.run(ended)
    #expect(told.all == ["a"])
  }

  @Test("Who ends something is told when all loops refuse it, and not before")
  func told() throws {
    let (ended, turns, told) = (EndedSignIns(clock: { 0 }), Turns(), Told())
    var known: [() -> Void] = []
    ended.start(comingBack: { turns.add($0) }, changed: { known.append($0) })
    // What comes before the loop's turn is told together.
    ended.relay.add([token("a")], told: told.callback("a"))
    ended.relay.add([token("b")], told: told.callback("b"))
    #expect(turns.count == 1)
    turns.run(ended)
    #expect(known.count == 1 && told.all.isEmpty)
    #expect(kind(ended, "a") == .tokenID && kind(ended, "b") == .tokenID)
    // Nothing of it is new, and yet the loops do not know it.
    ended.relay.add([token("a")], told: told.callback("a again"))
    turns.run(ended)
    #expect(known.count == 1 && told.all.isEmpty)
    let loopsKnow = try #require(known.first)
    loopsKnow()
    #expect(told.all == ["a", "b", "a again"])
    // Now they do.
    ended.relay.add([token("b")], told: told.callback("b again"))
    turns.run(ended)
    #expect(known.count == 1 && told.all.last == "b again")
  }

  @Test("Loops take what they are told in its order: who knows the last knows all")
  func order() {
    let (ended, turns, told) = (EndedSignIns(clock: { 0 }), Turns(), Told())
    var known: [() -> Void] = []
    ended.start(comingBack: { turns.add($0) }, changed: { known.append($0) })
    for name in ["a", "b", "c"] {
      ended.relay.add([token(name)], told: told.callback(name))
      turns.run(ended)
    }
    #expect(known.count == 3 && told.all.isEmpty)
    known[1]()
    #expect(told.all == ["a", "b"])
    known[0]()
    #expect(told.all == ["a", "b"])
    known[2]()
    #expect(told.all == ["a", "b", "c"])
  }
}

@Suite("Looking for other keys of a provider")
struct KeyLookupTests {
  @Test("Nobody looks before there is a loop; later the way there is as long after very many as it was before")
  func many() {
    let lookup = KeyLookup()
    let asked = Mutex<[String]>([])
    #expect(!lookup.begin("p"))
    lookup.set { provider in asked.withLock { $0 = [provider] } }
    for _ in 0..<500_000 { _ = lookup.begin("p") }
    #expect(lookup.begin("q"))
    #expect(asked.withLock { $0 } == ["q"])
  }
}
