import Configuration
import HTTP
import Reason
import Sockets

/// How long an exchange waits for its client: `timeouts.idle` without a byte, and as `limits.minimum_rate` allows with
/// some; and what it says when that, or another wait, has passed.
extension ClientConnection {
  /// The client does not take what there is.
  func waitForClient() {
    guard let slot else { return }
    guard slot.responsePace.wait(moved: bytesTaken(slot), for: slot.exchange.minimumRate, now: worker.loop.now) else {
      cut(.clientTooSlow)
      return
    }
    guard hasTaken || !hasDeadline else { return }
    hasTaken = false
    armWait(slot)
  }

  /// Whose turn it is with the request's body.
  enum BodyWait {
    /// It has to send.
    case client
    /// The upstream has to take, or other connections come first.
    case others
  }

  /// Whether some of the request's body has come, or gone on.
  enum BodyProgress { case moved, stalled }

  /// The request's body is not complete, and no more of it can go on now.
  ///
  /// - Parameter progress: Of this turn.
  func waitForBody(_ slot: ExchangeSlot, for awaited: BodyWait, _ progress: BodyProgress) {
    // While a response waits for the client, only taking some of it counts.
    if awaited == .client, output == nil {
      guard isBodyInTime(slot) else {
        requestBodyIsBad(.bodyTooSlow, slot)
        return
      }
    } else {
      slot.bodyPace.pause(worker.loop.now)
    }
    if !hasDeadline || (progress == .moved && output == nil) { armWait(slot) }
  }

  private func isBodyInTime(_ slot: ExchangeSlot) -> Bool {
    let head = UInt64(slot.exchange.request.headLength)
    let moved = max(slot.exchange.log.bytesIn, head) - head
    return slot.bodyPace.wait(moved: Int64(clamping: moved), for: slot.exchange.minimumRate, now: worker.loop.now)
  }

  /// Bytes of the response that the client's system has acknowledged. A large buffer of ours says nothing of the
  /// client. Below zero while what waits there is the end of an earlier response: the client takes that first.
  private func bytesTaken(_ slot: ExchangeSlot) -> Int64 {
    Int64(clamping: slot.exchange.log.bytesOut) - Int64(stream.unacknowledgedBytes)
  }

  private func armWait(_ slot: ExchangeSlot) {
    hasMovedAt = worker.loop.now
    armLook(slot)
  }

  /// Where there is a rate to be kept, it is looked at more often than `timeouts.idle` passes.
  private func armLook(_ slot: ExchangeSlot) {
    (slot.exchange.minimumRate == nil ? worker.deadlines.idle : worker.deadlines.grace).arm(self)
  }

  /// The client let its time pass, or what the exchange waits for did.
  func exchangeTimedOut() {
    guard let slot else { return }
    switch slot.exchange.state {
    case .waitingForKeys(let provider, _):
      slot.exchange.waitedInVain(for: provider, now: worker.loop.now)
      consumeHead(slot)
      refuse(slot.exchange.refusal(forWantOf: provider, in: worker.context.keys))
    case .waitingForIntrospection(let provider):
      slot.exchange.waitedInVain(for: provider, now: worker.loop.now)
      consumeHead(slot)
      refuse(RefusalResponse(.introspectionUnavailable))
    case .waitingForRenewal:
      // The refresh token stays good, also where it was used all the same.
      slot.exchange.renewed(.unavailable)
      decideAgain()
    case .waitingForResponder where slot.exchange.request.body.isComplete:
      worker.context.failed("a response of the gateway's own did not come in time")
      refuse(RefusalResponse(.internalError))
    case .waitingForUpstream where slot.isQueued: refuse(RefusalResponse(.upstreamBusy))
    case .tunnelling: cut(.tunnelTimeout)
    case .deciding, .waitingForResponder, .waitingForUpstream, .answering, .answered: lookAtClient(slot)
    }
  }

  /// Has the client moved anything since it was last looked at, and fast enough?
  private func lookAtClient(_ slot: ExchangeSlot) {
    let now = worker.loop.now
    let taken = slot.responsePace.moved
    if output != nil {
      guard slot.responsePace.wait(moved: bytesTaken(slot), for: slot.exchange.minimumRate, now: now) else {
        cut(.clientTooSlow)
        return
      }
      // There may be no room yet for us to write.
      if slot.responsePace.moved > taken { hasMovedAt = now }
    } else if slot.bodyPace.isWaiting, !isBodyInTime(slot) {
      requestBodyIsBad(.bodyTooSlow, slot)
      return
    }
    guard now - hasMovedAt < worker.deadlines.idle.duration else {
      clientTimedOut(slot)
      return
    }
    armLook(slot)
    worker.loop.runLater(self)
  }

  /// Nothing has moved for `timeouts.idle`.
  private func clientTimedOut(_ slot: ExchangeSlot) {
    switch slot.exchange.state {
    case .waitingForResponder: refuse(RefusalResponse(.bodyTimeout))
    case .waitingForUpstream where output == nil:
      refuse(RefusalResponse(upstreamIsFull(slot) ? .upstreamTimeout : .bodyTimeout))
    default: cut(output != nil ? .clientTimeout : upstreamIsFull(slot) ? .upstreamTruncated : .bodyTimeout)
    }
  }

  /// Whether the upstream does not take the body that the client sends.
  private func upstreamIsFull(_ slot: ExchangeSlot) -> Bool {
    guard let upstream = slot.upstream else { return false }
    return !upstream.isFlushed
  }
}
