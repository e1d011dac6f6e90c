import Access
import Configuration
import HTTP
import Reason
import Sockets
import Tokens

/// The way of bytes in both directions behind `101 Switching Protocols` (RFC 9110 §7.8): they are not looked at.
///
/// Each direction holds one block at most, and is not read while that waits. The end of one is passed on; the other goes
/// on until it ends too.
extension ClientConnection {
  func beginTunnel(_ slot: ExchangeSlot, _ upstream: UpstreamConnection) {
    upstream.beginTunnel()
    // Since the request was decided: from here on each change is looked at.
    let identity = slot.exchange.log.identity
    if let reason = worker.context.refusal(ofTunnelOf: identity) { return cut(reason) }
    if let configuration = slot.exchange.decision.configuration,
      worker.isLetInNoMore(self, identity, knownBy: configuration.certificateRules)
    {
      return cut(.certificateRefused)
    }
    worker.tunnelIdentities.add(slot)
    worker.deadlines.tunnel.arm(self)
    if let route = slot.exchange.decision.route, route.configuration.onExpiry == .close,
      let end = identity.deadline
    {
      worker.tunnelExpiries.add(slot, at: end)
    }
    if let credential = slot.exchange.request.introspected, let (_, pause) = worker.questioned(slot, credential) {
      worker.tunnelQuestions.add(slot, credential, after: pause)
    }
    relayTunnel(slot)
  }

  func relayTunnel(_ slot: ExchangeSlot) {
    guard let upstream = slot.upstream else { return }
    var turns = 0
    var goesOn = true
    while goesOn, phase == .exchanging, turns < Limits.readsPerTurnMax {
      let hasSent = sendToUpstream(slot, upstream)
      guard phase == .exchanging else { return }
      let hasReceived = sendToClient(upstream)
      goesOn = hasSent || hasReceived
      if goesOn { turns += 1 }
    }
    guard phase == .exchanging, self.slot === slot else { return }
    if goesOn { worker.loop.runLater(self) }
    // A part of a block that waits counts too.
    let hasSent = upstream.takeProgress()
    if turns > 0 || hasSent || hasTaken { worker.deadlines.tunnel.arm(self) }
    hasTaken = false
    guard receiving.hasEnded, upstream.hasEnded, input == nil, output == nil, upstream.holdsNothing else { return }
    slot.exchange.tunnelEnded()
    slot.upstream = nil
    upstream.close()
    exchangeEnded()
  }

  /// One step from the client to the upstream; whether there may be another.
  private func sendToUpstream(_ slot: ExchangeSlot, _ upstream: UpstreamConnection) -> Bool {
    switch upstream.flushTunnel() {
    case .sent: break
    case .isFull: return false
    case .failed:
      cut(.upstreamTruncated)
      return false
    }
    if let block = input.take() {
      slot.exchange.log.bytesIn += UInt64(block.count)
      upstream.output.replace(with: block)
      return true
    }
    guard !receiving.hasEnded else {
      upstream.endTunnel()
      return false
    }
    guard receiving.mayRead else { return false }
    switch read() {
    case .bytes, .end: return true
    case .wouldBlock: return false
    case .failed:
      clientIsGone()
      return false
    }
  }

  /// One step from the upstream to the client; whether there may be another.
  private func sendToClient(_ upstream: UpstreamConnection) -> Bool {
    guard flush() else { return false }
    if let block = upstream.input.take() {
      output.replace(with: block)
      return true
    }
    guard !upstream.hasEnded else {
      endOutput()
      return false
    }
    switch upstream.read() {
    case .bytes, .end: return true
    case .wouldBlock: return false
    // What goes through a tunnel frames itself, as it has to without TLS.
    case .failed where upstream.isCut: return true
    case .failed:
      cut(.upstreamTruncated)
      return false
    }
  }
}
