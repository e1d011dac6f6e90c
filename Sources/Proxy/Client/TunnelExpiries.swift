import Reason
import Sockets
import Tokens

/// The tunnels of one loop that end with the token that opened them.
final class TunnelExpiries {
  private var tunnels: [(slot: ExchangeSlot, generation: UInt64, end: UnixSeconds)] = []
  private let loop: EventLoop

  init(loop: EventLoop) { self.loop = loop }

  /// - Parameter end: When the token is no longer good.
  func add(_ slot: ExchangeSlot, at end: UnixSeconds) {
    tunnels.append((slot, slot.exchange.generation, end))
    if tunnels.count == 1 { look() }
  }

  /// Once a second, as long as there is a tunnel: a timer for each would cost more than looking at all of them.
  private func look() {
    _ = loop.schedule(after: .seconds(1)) { [self] in
      let now = loop.wallClockNanoseconds / 1_000_000_000
      tunnels.removeAll { !$0.slot.exchange.isTunnel($0.generation) }
      let over = tunnels.filter { $0.end <= now }
      tunnels.removeAll { $0.end <= now }
      for tunnel in over { tunnel.slot.connection?.cut(.tokenExpired) }
      if !tunnels.isEmpty { look() }
    }
  }
}
