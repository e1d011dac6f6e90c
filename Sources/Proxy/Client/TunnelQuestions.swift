import Configuration
import Sockets
import Tokens

/// The tunnels of one loop whose issuer is asked again and again whether their token is still active (RFC 7662): no
/// request after the one that opened a tunnel would have it asked (SECURITY T-16).
///
/// A few questions of a loop are under way at a time, so that many tunnels leave the issuer to requests. A question that
/// the issuer does not answer ends nothing, and is asked again in its turn.
final class TunnelQuestions {
  /// Asks the issuer, which ends in `answered`, where there is one to be asked.
  ///
  /// - Returns: After how long it is to be asked again.
  typealias Ask = (_ slot: ExchangeSlot, _ token: [UInt8]) -> Asked

  enum Asked {
    case asked(again: Duration)
    /// Nothing is asked about it now.
    case nothing
  }

  private struct Tunnel {
    let slot: ExchangeSlot
    let generation: UInt64
    let token: [UInt8]
    var due: MonotonicTime
  }

  private let loop: EventLoop
  private let ask: Ask
  private var tunnels: [Tunnel] = []
  /// Where the next look begins, so that all have their turn.
  private var next = 0
  private var underWay = 0

  init(loop: EventLoop, ask: @escaping Ask) {
    self.loop = loop
    self.ask = ask
  }

  /// A tunnel begins.
  ///
  /// - Parameter pause: Until the issuer is asked.
  func add(_ slot: ExchangeSlot, token: [UInt8], after pause: Duration) {
    tunnels.append(
      Tunnel(slot: slot, generation: slot.exchange.generation, token: token, due: .current + pause))
    if tunnels.count == 1 { lookLater() }
  }

  /// The issuer has answered one question.
  func answered() {
    let wasFull = underWay >= Limits.tunnelQuestionsMax
    underWay -= 1
    if wasFull { askThoseDue() }
  }

  /// Questions that were under way are answered no more: the configuration that they were asked by is not in force.
  func forgetQuestions() { underWay = 0 }

  /// Once a second, as long as there is a tunnel, as `TunnelExpiries` does.
  private func lookLater() {
    _ = loop.schedule(after: .seconds(1)) { [self] in
      tunnels.removeAll { !$0.slot.exchange.isTunnel($0.generation) }
      askThoseDue()
      if !tunnels.isEmpty { lookLater() }
    }
  }

  private func askThoseDue() {
    let now = MonotonicTime.current
    for _ in 0..<tunnels.count where underWay < Limits.tunnelQuestionsMax {
      if next >= tunnels.count { next = 0 }
      let tunnel = tunnels[next]
      if tunnel.due <= now, tunnel.slot.exchange.isTunnel(tunnel.generation) {
        switch ask(tunnel.slot, tunnel.token) {
        case .asked(let pause):
          underWay += 1
          tunnels[next].due = now + pause
        case .nothing: tunnels[next].due = now + Limits.tunnelQuestionPauseMin
        }
      }
      next += 1
    }
  }
}

extension IntrospectionConfiguration {
  /// How often an issuer is asked about the token of a tunnel.
  var tunnelPause: Duration { max(.seconds(cacheSeconds), Limits.tunnelQuestionPauseMin) }
}
