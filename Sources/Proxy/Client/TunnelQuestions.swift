import Configuration
import Sockets
import Tokens

/// The tunnels of one loop of which is asked again and again whether what they were opened with still holds: at the
/// token's issuer (RFC 7662), or in the store of sessions. No request after the one that opened a tunnel would have it
/// asked (SECURITY T-16).
///
/// A few questions of a loop are under way at a time, so that many tunnels leave the issuer to requests. A question that
/// nobody answers ends nothing, and is asked again in its turn.
final class TunnelQuestions {
  /// Asks, which ends in `answered`, where there is somebody to be asked.
  ///
  /// - Returns: After how long it is to be asked again.
  typealias Ask = (_ slot: ExchangeSlot, _ credential: IntrospectedCredential) -> Asked

  enum Asked {
    case asked(again: Duration)
    /// Nothing is asked about it now.
    case nothing
  }

  private struct Tunnel {
    let slot: ExchangeSlot
    let generation: UInt64
    let credential: IntrospectedCredential
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
  /// - Parameter pause: Until it is asked.
  func add(_ slot: ExchangeSlot, _ credential: IntrospectedCredential, after pause: Duration) {
    tunnels.append(
      Tunnel(slot: slot, generation: slot.exchange.generation, credential: credential, due: .current + pause))
    if tunnels.count == 1 { lookLater() }
  }

  /// One question is answered.
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
        switch ask(tunnel.slot, tunnel.credential) {
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
