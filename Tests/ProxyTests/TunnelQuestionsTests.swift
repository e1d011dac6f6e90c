import Sockets
import Synchronization
import Testing

@testable import Proxy

/// Tunnels on a loop of their own, and what their issuer was asked.
private final class AskedTunnels {
  let slots: [ExchangeSlot]
  private(set) var asked: [UInt8] = []
  private(set) var questions: TunnelQuestions?

  init(_ count: Int, loop: EventLoop, again: TunnelQuestions.Asked) {
    slots = (0..<count).map { ExchangeSlot(index: $0) }
    questions = TunnelQuestions(loop: loop) { [unowned self] _, credential in
      if case .token(let token) = credential { asked += token }
      return again
    }
    for (index, slot) in slots.enumerated() {
      slot.exchange.generation = 1
      slot.exchange.state = .tunnelling
      questions?.add(slot, .token([UInt8(index)]), after: .zero)
    }
  }
}

@Suite("Issuers are asked about the tokens of tunnels")
struct TunnelQuestionsTests {
  /// Loops live as long as the tests: what libdispatch still has to run may name them.
  private static let loops = Mutex<[EventLoop]>([])

  private let bound: LoopBound<AskedTunnels>

  private static func tunnels(_ count: Int, again: TunnelQuestions.Asked) throws -> LoopBound<AskedTunnels> {
    let loop = try EventLoop(label: "tunnels")
    loops.withLock { $0.append(loop) }
    loop.start()
    return LoopBound(AskedTunnels(count, loop: loop, again: again), loop: loop)
  }

  init() throws { bound = try Self.tunnels(40, again: .asked(again: .seconds(3600))) }

  private func with<Value: Sendable>(_ body: @escaping @Sendable (AskedTunnels) -> Value) async -> Value {
    await withCheckedContinuation { done in bound.async { done.resume(returning: body($0)) } }
  }

  /// What was asked, once it is so many.
  private func asked(_ count: Int) async -> [UInt8] {
    while true {
      let asked = await with { $0.asked }
      if asked.count >= count { return asked }
      try? await Task.sleep(for: .milliseconds(10))
    }
  }

  @Test("A few at a time, each answer makes room for the next, and all have their turn once", .timeLimit(.minutes(1)))
  func turns() async {
    #expect(await asked(16) == Array(0..<16))
    await with { $0.questions?.answered() }
    #expect(await with { $0.asked } == Array(0..<17))
    await with { tunnels in for _ in 0..<39 { tunnels.questions?.answered() } }
    #expect(await with { $0.asked } == Array(0..<40))
  }

  @Test("Questions that a reload leaves without an answer take no room", .timeLimit(.minutes(1)))
  func reload() async {
    #expect(await asked(16).count == 16)
    await with { $0.questions?.forgetQuestions() }
    #expect(await asked(32) == Array(0..<32))
  }

  @Test(
    "Nothing is asked about a tunnel that has ended, or about what its slot is used for next", .timeLimit(.minutes(1)))
  func ended() async {
    await with { tunnels in
      for slot in tunnels.slots[0..<10] { slot.exchange.tunnelEnded() }
      for slot in tunnels.slots[10..<20] { slot.exchange.generation += 1 }
    }
    #expect(await asked(16) == Array(20..<36))
  }
}
