import Configuration
import HTTP
import Reason
import Sockets

/// The way of a request: to an upstream, and again where that is safe.
extension ClientConnection {
  /// Goes on with the exchange as far as it can at this moment.
  func proceed() {
    guard phase == .exchanging, let slot else { return }
    switch slot.exchange.state {
    case .deciding, .waitingForKeys, .waitingForIntrospection, .waitingForRenewal: break
    case .waitingForResponder: collectRequestBody(slot)
    case .waitingForUpstream, .answering:
      relayRequestBody(slot)
      if phase == .exchanging, self.slot === slot { relayResponse(slot) }
    case .tunnelling: relayTunnel(slot)
    case .answered: finishResponse()
    }
  }

  /// Sends what is left of the response, then ends the exchange.
  func finishResponse() {
    if flush() { exchangeEnded() } else if phase == .exchanging { waitForClient() }
  }

  func forward(_ head: consuming ForwardedHead, to upstream: Int) {
    guard let slot else { return }
    let pool = worker.pools[upstream]
    slot.pool = pool
    slot.exchange.log.upstream = upstream
    slot.exchange.log.forwarded(at: worker.loop.now)
    slot.requestIsOpen = !slot.exchange.request.body.isComplete
    pool.requestBegins()
    switch worker.enterUpstream(slot, pool) {
    case .admitted: connect(head, slot, pool, .any)
    case .waits:
      slot.queuedHead.replace(with: head)
      worker.deadlines.wait.arm(self)
    case .full:
      worker.context.blocks.give(head.takeBytes())
      refuse(RefusalResponse(.upstreamBusy))
    }
  }

  /// The request waited while `max_connections` were in flight, and one of them has ended.
  func turnHasCome(_ slot: ExchangeSlot) {
    guard let pool = slot.pool, let head = slot.queuedHead.take() else { return }
    disarmDeadline()
    slot.exchange.log.forwarded(at: worker.loop.now)
    connect(head, slot, pool, .any)
  }

  private func connect(
    _ head: consuming ForwardedHead, _ slot: ExchangeSlot, _ pool: UpstreamPool, _ freshness: UpstreamPool.Freshness
  ) {
    var pool = pool
    if pool.isRetired, let successor = worker.successor(of: pool) {
      pool = successor
      slot.pool = successor
    }
    while true {
      let server: UpstreamServer
      switch pool.server(after: slot.attemptedServers, now: worker.loop.now) {
      case .success(let found): server = found
      case .failure(let none):
        worker.context.blocks.give(head.takeBytes())
        refuse(RefusalResponse(none.reason))
        return
      }
      do throws(SystemError) {
        let upstream = try pool.connection(to: server, freshness, on: worker)
        slot.upstream = upstream
        upstream.carry(head, for: self)
        if upstream.state == .busy { expectResponse(slot, upstream) }
        // Requests of one batch leave together: the peer is woken once.
        if slot.requestIsOpen { proceed() } else { worker.loop.runLater(upstream) }
        return
      } catch {
        // What is wrong here says nothing of the server.
        let isOurs = error.call != "connect" || error.isOfThisMachine
        if isOurs, worker.closeIdleUpstream() { continue }
        if !isOurs { pool.failed(server, .upstreamUnreachable, on: worker) }
        guard mayTryAnother(slot, pool, after: server) else {
          worker.context.blocks.give(head.takeBytes())
          refuse(RefusalResponse(isOurs ? .resourcesExhausted : .upstreamUnreachable))
          return
        }
      }
    }
  }

  /// Whether the request, of which nothing was sent, may be given to another server than `server`.
  private func mayTryAnother(_ slot: ExchangeSlot, _ pool: UpstreamPool, after server: UpstreamServer) -> Bool {
    guard pool.mayRetry(attempt: slot.attempt) else { return false }
    slot.attempt += 1
    slot.exchange.log.retries += 1
    slot.attemptedServers.append(server.state)
    return true
  }

  // MARK: What the upstream's connection reports

  func upstreamConnected(_ upstream: UpstreamConnection) {
    guard let slot, slot.upstream === upstream else { return }
    slot.exchange.log.connected(at: worker.loop.now)
    expectResponse(slot, upstream)
    upstream.flush()
  }

  /// No connection came about: another server, where one may be tried; nothing of the request was sent.
  func upstreamNotConnected(
    _ upstream: UpstreamConnection, _ reason: Reason, _ unsent: consuming ForwardedHead?
  ) {
    guard let slot, let pool = slot.pool, let head = unsent.take() else { return }
    slot.upstream = nil
    guard mayTryAnother(slot, pool, after: upstream.server) else {
      worker.context.blocks.give(head.takeBytes())
      refuse(RefusalResponse(reason))
      return
    }
    connect(head, slot, pool, .any)
  }

  /// It can be read or written.
  func upstreamIsReady(_ upstream: UpstreamConnection) {
    guard let slot, slot.upstream === upstream else { return }
    proceed()
  }

  /// Nothing came from it for the time that it has.
  func upstreamStalled(_ upstream: UpstreamConnection) {
    guard let slot, slot.upstream === upstream else { return }
    let takesBody = upstream.isFlushed || upstream.hasProgressed
    if output != nil || (!slot.exchange.request.body.isComplete && takesBody) {
      // It is the client that is waited for, and the client's own deadline runs; or the body is on its way.
      expectResponse(slot, upstream)
    } else if slot.exchange.state == .answering {
      cut(.upstreamTruncated)
    } else {
      // A route that waits for less than the upstream's time says nothing of the server.
      if slot.exchange.responseTimeout == nil { upstream.timedOut() }
      refuse(RefusalResponse(.upstreamTimeout))
    }
  }

  func expectResponse(_ slot: ExchangeSlot, _ upstream: UpstreamConnection) {
    let own = slot.exchange.responseTimeout.map { worker.loop.deadlines(after: $0) }
    upstream.expectResponse(within: own ?? upstream.pool.responseDeadlines)
  }

  /// The connection ended before a response byte: once more, where the server may just have closed an idle connection
  /// and a second sending does no harm (RFC 9110 §9.2.2, SECURITY U-4).
  ///
  /// - Returns: Whether it is sent again.
  func sendAgain(_ slot: ExchangeSlot, _ upstream: UpstreamConnection) -> Bool {
    guard let pool = slot.pool, slot.exchange.state == .waitingForUpstream, let head = upstream.takeReplay() else {
      return false
    }
    guard pool.mayRetry(attempt: slot.attempt) else {
      worker.context.blocks.give(head.takeBytes())
      return false
    }
    upstream.close()
    slot.upstream = nil
    slot.attempt += 1
    slot.exchange.log.retries += 1
    connect(head, slot, pool, .new)
    return true
  }

  // MARK: The body

  private func relayRequestBody(_ slot: ExchangeSlot) {
    guard let upstream = slot.upstream else { return }
    // Most requests have none; what follows is checked at its beginning for all that it may do.
    if slot.exchange.request.body.isComplete { bodyIsComplete(slot, upstream) } else { relayRest(of: slot, upstream) }
  }

  private func relayRest(of slot: ExchangeSlot, _ upstream: UpstreamConnection) {
    var reads = 0
    var progress = BodyProgress.stalled
    var awaited = BodyWait.client
    while !slot.exchange.request.body.isComplete {
      if var block = input.take() {
        var room = upstream.bodyRoom
        if room == 0 {
          upstream.flush()
          room = upstream.bodyRoom
        }
        guard room > 0 else {
          input.replace(with: block)
          awaited = .others
          break
        }
        let step: BodyDecoder.Step
        do throws(BodyFault) {
          step = try block.withReadable { bytes throws(BodyFault) in
            try slot.exchange.requestBodyStep(bytes, dataMax: room)
          }
        } catch {
          input.replace(with: block)
          requestBodyIsBad(error.reason, slot)
          return
        }
        upstream.send(block, step.data)
        block.consume(step.consumed)
        input.replace(with: block)
        giveInputIfEmpty()
        if step.consumed > 0 {
          progress = .moved
          continue
        }
      }
      guard receiving.mayRead, !receiving.hasEnded else { break }
      guard reads < Limits.readsPerTurnMax else {
        worker.loop.runLater(self)
        awaited = .others
        break
      }
      guard case .bytes = read() else { break }
      reads += 1
      progress = .moved
    }
    if slot.exchange.request.body.isComplete {
      bodyIsComplete(slot, upstream)
      return
    }
    upstream.flush()
    if receiving.hasEnded {
      cut(.clientClosed)
      return
    }
    waitForBody(slot, for: awaited, progress)
  }

  private func bodyIsComplete(_ slot: ExchangeSlot, _ upstream: UpstreamConnection) {
    if slot.requestIsOpen {
      slot.requestIsOpen = false
      slot.bodyPace.pause(worker.loop.now)
      upstream.endBody()
      disarmDeadline()
      // Until it is connected its own deadline runs.
      if upstream.state == .busy { expectResponse(slot, upstream) }
    }
    upstream.flush()
  }

  func requestBodyIsBad(_ reason: Reason, _ slot: ExchangeSlot) {
    if slot.exchange.state == .answering { cut(reason) } else { refuse(RefusalResponse(reason, connection: .closed)) }
  }

  // MARK: Requests that the gateway answers

  func ask(_ responder: any Responder & Sendable, _ request: LocalRequest) {
    guard let slot else { return }
    slot.local = LocalExchange(responder: responder, request: request)
    proceed()
  }

  private func collectRequestBody(_ slot: ExchangeSlot) {
    while !slot.exchange.request.body.isComplete {
      if var block = input.take() {
        let consumed: Int
        do throws(BodyFault) {
          consumed = try block.withReadable { bytes throws(BodyFault) in
            let step = try slot.exchange.requestBodyStep(bytes)
            slot.local?.request.body.append(bytes, step.data)
            return step.consumed
          }
        } catch {
          input.replace(with: block)
          requestBodyIsBad(error.reason, slot)
          return
        }
        block.consume(consumed)
        input.replace(with: block)
        giveInputIfEmpty()
        if consumed > 0 { continue }
      }
      guard receiving.mayRead, !receiving.hasEnded, case .bytes = read() else { break }
    }
    guard slot.exchange.request.body.isComplete else {
      if receiving.hasEnded { cut(.clientClosed) } else { waitForBody(slot, for: .client, .moved) }
      return
    }
    guard let local = slot.local, !local.hasAsked else { return }
    slot.local?.hasAsked = true
    worker.deadlines.wait.arm(self)
    worker.ask(local.responder, local.request, for: slot)
  }
}
