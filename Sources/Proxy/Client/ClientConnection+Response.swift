import Configuration
import Crypto
import HTTP
import Reason
import Sockets

/// The way of a response: from the upstream to the client, or the gateway's own.
extension ClientConnection {
  func relayResponse(_ slot: ExchangeSlot) {
    var reads = 0
    var hasRead = false
    // Once for all reads, and not for those that end the response.
    defer {
      if hasRead, let upstream = slot.upstream, slot.exchange.state != .tunnelling { expectResponse(slot, upstream) }
    }
    while phase == .exchanging, let upstream = slot.upstream {
      if slot.exchange.state == .tunnelling {
        beginTunnel(slot, upstream)
        return
      }
      if let block = upstream.input.take() {
        switch relay(block, slot, upstream) {
        case .goOn: continue
        case .over: return
        case .clientIsFull:
          waitForClient()
          return
        case .needsMore: break
        }
      }
      guard flush() else {
        if phase == .exchanging { waitForClient() }
        return
      }
      // The client has taken everything: the next step is not its.
      slot.responsePace.pause(worker.loop.now)
      if slot.exchange.request.body.isComplete { disarmDeadline() }
      guard reads < Limits.readsPerTurnMax else {
        worker.loop.runLater(self)
        return
      }
      reads += 1
      switch upstream.read() {
      case .bytes:
        if !hasRead { slot.exchange.log.responseBegan(at: worker.loop.now) }
        hasRead = true
      case .wouldBlock: return
      case .end:
        upstreamEnded(slot, upstream)
        return
      case .failed:
        // A reset ends no body, not even one that the end of the connection would (RFC 9112 §8, SECURITY U-6).
        if slot.exchange.state == .answering { cut(.upstreamTruncated) } else { upstreamEnded(slot, upstream) }
        return
      }
    }
  }

  private enum Progress { case goOn, over, clientIsFull, needsMore }

  /// Uses what stands in `block`, the upstream's input, and gives the block back.
  private func relay(
    _ block: consuming Buffer, _ slot: ExchangeSlot, _ upstream: UpstreamConnection
  ) -> Progress {
    var block = block
    let progress =
      slot.exchange.state == .waitingForUpstream
      ? relayHead(&block, slot, upstream) : relayBody(&block, slot)
    if upstream.state == .closed || block.isEmpty {
      worker.context.blocks.give(block)
    } else {
      upstream.input.replace(with: block)
    }
    if slot.exchange.state == .answering, slot.exchange.response.body.isComplete {
      responseIsComplete(slot, upstream)
      return .over
    }
    return progress
  }

  private func relayHead(_ block: inout Buffer, _ slot: ExchangeSlot, _ upstream: UpstreamConnection) -> Progress {
    // Interim answers that the client has not taken yet leave first.
    if output != nil {
      guard flush() else { return phase == .exchanging ? .clientIsFull : .over }
    }
    switch parseHead(block, slot) {
    case .incomplete: return .needsMore
    case .invalid:
      refuse(RefusalResponse(.upstreamAnswerInvalid))
      return .over
    case .whole: break
    }
    let head = worker.responseHead
    let kind: ResponseState.HeadKind
    do throws(CryptoError) {
      kind = upstream.isFlushed ? try headKind(head, block, slot.exchange.decision.upgrade) : .ordinary
    } catch {
      worker.context.failed("\(error)")
      refuse(RefusalResponse(.internalError))
      return .over
    }
    switch slot.exchange.answered(with: head, kind, behind: upstream.isFlushed ? .allOfRequest : .partOfRequest) {
    case .refuse(let refusal):
      refuse(refusal)
      return .over
    case .dropInterim:
      block.consume(head.length)
      return .goOn
    case .relay, .relayInterim, .tunnel: return writeHead(head, kind, &block, slot)
    }
  }

  private enum ParsedHead { case incomplete, whole, invalid }

  /// Parses the response head at the start of `block` into the worker's.
  private func parseHead(_ block: borrowing Buffer, _ slot: ExchangeSlot) -> ParsedHead {
    let method = slot.exchange.request.method
    return block.withReadable { bytes in
      do throws(HeadError) {
        return try ResponseHeadParser.parse(
          bytes, from: 0, limits: worker.responseLimits, answering: method, into: &worker.responseHead)
          ? .whole : .incomplete
      } catch {
        return .invalid
      }
    }
  }

  /// `switching` if the response head at the start of `block` accepts the upgrade asked for (SECURITY U-5).
  private func headKind(
    _ head: borrowing ResponseHead, _ block: borrowing Buffer, _ upgrade: UpgradeRequest?
  ) throws(CryptoError) -> ResponseState.HeadKind {
    guard head.status == 101, let upgrade else { return .ordinary }
    let accept = try upgrade.webSocketKey.map { key throws(CryptoError) in try WebSocketAccept.value(forKey: key) }
    let isAccepted = block.withReadable { upgrade.isAccepted(by: head, $0, webSocketAccept: accept) }
    return isAccepted ? .switching : .ordinary
  }

  /// Puts the response head at the start of `block` into `output`, as the client gets it.
  private func writeHead(
    _ head: borrowing ResponseHead, _ kind: ResponseState.HeadKind, _ block: inout Buffer, _ slot: ExchangeSlot
  ) -> Progress {
    if endsAfterExchange { slot.exchange.closeAfterwards() }
    let context = worker.context
    let facts = ForwardedResponse.Facts(
      method: slot.exchange.request.method, version: slot.exchange.request.version,
      framing: slot.exchange.response.framing, connection: slot.exchange.request.persistence, date: worker.date,
      upgrade: kind == .switching ? slot.exchange.decision.upgrade : nil, ownCookies: context.active.ownCookies,
      corsFields: slot.exchange.decision.corsFields, strictTransport: slot.exchange.strictTransport,
      renewal: slot.exchange.request.renewal?.fields)
    let written = block.withReadable { bytes in
      ForwardedResponse.write(head, bytes, facts: facts, into: context.blocks.take())
    }
    block.consume(head.length)
    guard written.fits else {
      context.blocks.give(written.takeBlock())
      refuse(RefusalResponse(.upstreamAnswerInvalid))
      return .over
    }
    if written.asksForConnectionLogin { slot.exchange.endUpstreamAfterwards() }
    output.replace(with: written.takeBlock())
    return .goOn
  }

  private func relayBody(_ block: inout Buffer, _ slot: ExchangeSlot) -> Progress {
    if output == nil { output.replace(with: worker.context.blocks.take()) }
    let framing = slot.exchange.response.framing
    var room = bodyRoom(framing)
    if room == 0 {
      guard flush() else { return phase == .exchanging ? .clientIsFull : .over }
      output.replace(with: worker.context.blocks.take())
      room = bodyRoom(framing)
    }
    let step: BodyDecoder.Step
    do throws(BodyError) {
      step = try block.withReadable { bytes throws(BodyError) in
        try slot.exchange.responseBodyStep(bytes, dataMax: room)
      }
    } catch {
      cut(.upstreamAnswerInvalid)
      return .over
    }
    guard step.consumed > 0 || slot.exchange.response.body.isComplete else { return .needsMore }
    guard send(block, step.data, slot) else { return .over }
    block.consume(step.consumed)
    return .goOn
  }

  /// Bytes of body that fit `output`: without chunks a whole block's, so that no few bytes of it are left.
  private func bodyRoom(_ framing: BodyFraming) -> Int {
    let room = (output?.writableCount ?? 0) - (framing == .chunked ? Limits.chunkFramingBytesMax : 0)
    return room >= Limits.bodyRoomMin ? room : 0
  }

  /// Sends a piece of the response's body, or puts it into `output`, where it fits.
  ///
  /// - Returns: Whether the exchange goes on.
  private func send(_ block: borrowing Buffer, _ data: ByteRange, _ slot: ExchangeSlot) -> Bool {
    guard !data.isEmpty else { return true }
    if slot.exchange.response.framing == .chunked {
      guard var room = output.take() else { return true }
      block.withReadable { bytes in room.append(chunk: bytes.extracting(data.lowerBound..<data.upperBound)) }
      output.replace(with: room)
      return true
    }
    var start = data.lowerBound
    if data.count >= Limits.directWriteBytesMin, canWrite, output?.isEmpty ?? true {
      switch stream.write(block, from: start, to: data.upperBound) {
      case .bytes(let count):
        start += count
        hasTaken = true
        slot.exchange.log.bytesOut += UInt64(count)
      case .wouldBlock, .end: canWrite = false
      case .failed:
        clientIsGone()
        return false
      }
    }
    if start < data.upperBound {
      block.withReadable { bytes in output?.append(bytes, from: start, to: data.upperBound) }
    }
    return true
  }

  /// The upstream sends no more.
  private func upstreamEnded(_ slot: ExchangeSlot, _ upstream: UpstreamConnection) {
    switch slot.exchange.state {
    case .answering:
      if slot.exchange.response.body.end() {
        responseIsComplete(slot, upstream)
      } else {
        cut(.upstreamTruncated)
      }
    default:
      if sendAgain(slot, upstream) { return }
      let reason = upstream.reasonOfEnd()
      // Of a request that is not whole the end may be the client's doing.
      if !upstream.hasReceived, slot.exchange.request.body.isComplete, upstream.isFlushed {
        upstream.endedUnanswered(reason)
      }
      refuse(RefusalResponse(reason))
    }
  }

  private func responseIsComplete(_ slot: ExchangeSlot, _ upstream: UpstreamConnection) {
    slot.exchange.responseEnded()
    slot.upstream = nil
    if slot.exchange.response.upstreamPersists {
      upstream.release()
    } else {
      upstream.close()
    }
    worker.leaveUpstream(slot)
    if slot.exchange.response.framing == .chunked {
      // `bodyRoom` left room for it behind every chunk.
      append("0\r\n\r\n")
    }
    worker.loop.runLater(self)
  }

  // MARK: The gateway's own responses

  /// When a response leaves.
  enum Departure {
    case atOnce
    /// At the end of the batch, with others'.
    case withBatch
  }

  /// Answers in the upstream's place; nothing of a response was sent yet.
  func refuse(_ refusal: RefusalResponse, _ departure: Departure = .atOnce) {
    guard let slot, phase == .exchanging else { return }
    let refusal = slot.exchange.asAnswered(refusal)
    slot.exchange.refused(refusal)
    let format = slot.exchange.request.problemFormat
    put(slot, bytesMax: LocalResponseWriter.bytesMax(refusal)) { responseWriter, writer in
      responseWriter.write(refusal, as: format, to: &writer)
    }
    switch departure {
    case .atOnce: finishResponse()
    case .withBatch: worker.loop.runLater(self)
    }
  }

  /// A Responder's response.
  func answer(with response: LocalResponse) {
    guard let slot, phase == .exchanging else { return }
    slot.exchange.answeredLocally(response)
    put(slot, bytesMax: LocalResponseWriter.bytesMax(response)) { responseWriter, writer in
      responseWriter.write(response, to: &writer)
    }
    finishResponse()
  }

  /// Puts a response of the gateway's own into `output`.
  private func put(_ slot: ExchangeSlot, bytesMax: Int, _ write: (LocalResponseWriter, inout HeadWriter) -> Void) {
    disarmDeadline()
    if let upstream = slot.upstream {
      slot.upstream = nil
      upstream.close()
    }
    worker.leaveUpstream(slot)
    if endsAfterExchange { slot.exchange.closeAfterwards() }
    let responseWriter = LocalResponseWriter(
      method: slot.exchange.request.method, connection: slot.exchange.request.persistence,
      version: slot.exchange.request.version,
      requestID: slot.exchange.requestID, date: worker.date,
      ownFields: (slot.exchange.decision.corsFields ?? []) + slot.exchange.decision.corsExposure
        + (slot.exchange.decision.forwardAuthFields ?? []) + (slot.exchange.strictTransport ?? [])
        + (slot.exchange.request.renewal?.fields ?? []))
    var writer = HeadWriter(outputBlock(writable: bytesMax + responseWriter.ownFields.count))
    write(responseWriter, &writer)
    output.replace(with: writer.finish())
  }

  /// Takes `output`, or a block: one of its own where more is to be written than the pool's hold, as key sets are.
  private func outputBlock(writable count: Int) -> Buffer {
    let blocks = worker.context.blocks
    guard let block = output.take() else {
      return count <= blocks.blockBytes ? blocks.take() : Buffer(capacity: count)
    }
    if block.writableCount >= count { return block }
    var larger = Buffer(capacity: block.count + count)
    block.withReadable { larger.append($0) }
    blocks.give(block)
    return larger
  }

  /// The response cannot be ended as it was begun: the connection ends instead (RFC 9112 §8, SECURITY U-6).
  func cut(_ reason: Reason) {
    guard let slot else { return }
    let isTunnel = slot.exchange.state == .tunnelling
    if let upstream = slot.upstream {
      slot.upstream = nil
      if isTunnel, reason == .clientClosed { upstream.abort() } else { upstream.close() }
    }
    let endsWithConnection = slot.exchange.state == .answering && slot.exchange.response.framing == .untilClose
    if reason.isRevocation {
      slot.exchange.log.revokedBy = worker.context.revocations.revoker(of: slot.exchange.log.identity)
    }
    slot.exchange.cut(reason)
    worker.finish(slot)
    self.slot = nil
    worker.giveSlot(slot)
    if endsWithConnection || (isTunnel && reason == .upstreamTruncated) { abort() } else { close(.cut) }
  }

  /// The process waits no longer: a response that was begun is cut, others are told.
  func endExchange() {
    guard let slot else { return }
    switch slot.exchange.state {
    case .deciding, .waitingForKeys, .waitingForIntrospection, .waitingForRenewal, .waitingForResponder,
      .waitingForUpstream:
      refuse(RefusalResponse(.drainTimeout, connection: .closed))
    case .answering, .tunnelling: cut(.drainTimeout)
    case .answered:
      // It may wait for the end of the batch alone, which nobody is to lose by.
      finishResponse()
      if phase == .exchanging { cut(.drainTimeout) }
    }
  }
}
