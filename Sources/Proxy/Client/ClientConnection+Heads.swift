import HTTP
import Reason
import Sockets

/// The way from bytes to an exchange: request heads, one after the other, and what is decided of them.
extension ClientConnection {
  /// Nothing of a request has come: also an empty line is nothing, which some clients send behind a body.
  var isIdle: Bool { phase == .reading && (input == nil || holdsEmptyLine) }

  private var holdsEmptyLine: Bool {
    guard let block = input.take() else { return false }
    let isEmptyLine = block.withReadable { bytes in
      bytes.count == 2 && bytes[0] == UInt8(ascii: "\r") && bytes[1] == UInt8(ascii: "\n")
    }
    input.replace(with: block)
    return isEmptyLine
  }

  private var scheme: Scheme { stream.isSecured ? .https : .http }

  /// Reads and parses until a head is whole, then begins its exchange; pipelined heads follow when it has ended.
  func readHeads() {
    while phase == .reading {
      // Where it ended at once, as the gateway's own responses do, `exchangeEnded` has this called again in its turn.
      if let count = input?.count, count > scanned, parseHead() { return }
      guard phase == .reading, receiving.mayRead, !receiving.hasEnded, case .bytes = read() else { break }
    }
    if phase == .reading, receiving.hasEnded { endOfInput() }
  }

  /// Whether something changed: an exchange was begun or refused.
  private func parseHead() -> Bool {
    let context = worker.context
    let from = scanned
    enum Parsed {
      case incomplete, whole
      case bad(Reason)
    }
    guard let block = input.take() else { return false }
    let total = block.count
    if from == 0, headStartedAt.nanoseconds == 0 { headStartedAt = worker.loop.now }
    let parsed = block.withReadable { bytes -> Parsed in
      guard LineScanner.containsLineEnd(bytes, from: from) || total >= context.active.headLimits.targetBytesMax else {
        return .incomplete
      }
      do throws(HeadError) {
        return try RequestHeadParser.parse(
          bytes, from: 0, limits: context.active.headLimits, scheme: scheme, into: &context.head)
          ? .whole : .incomplete
      } catch {
        return .bad(error.reason)
      }
    }
    input.replace(with: block)
    switch parsed {
    case .incomplete:
      if holdsEmptyLine {
        headStartedAt = MonotonicTime(nanoseconds: 0)
        return false
      }
      if scanned == 0 { worker.deadlines.head.arm(self) }
      scanned = total
      return false
    case .bad(let reason):
      refuseHead(reason)
      return true
    case .whole:
      scanned = 0
      disarmDeadline()
      beginExchange()
      return true
    }
  }

  /// The client sends no more, between requests or inside a head.
  private func endOfInput() {
    if isIdle {
      close()
      return
    }
    takeSlotOfRefusedHead()
    cut(.clientClosed)
  }

  /// Ends a connection on which a head has begun, and is not whole.
  func cutHead(_ reason: Reason) {
    takeSlotOfRefusedHead()
    cut(reason)
  }

  /// A head that will be no request: answered, and nothing more of the connection is read.
  func refuseHead(_ reason: Reason) {
    takeSlotOfRefusedHead()
    refuse(RefusalResponse(reason, connection: .closed))
  }

  /// A slot for a head that is refused, or never came whole: its line says what it asks for, as far as that is known.
  private func takeSlotOfRefusedHead() {
    takeSlot()
    guard let slot, let block = input.take() else { return }
    let context = worker.context
    block.withReadable { bytes in slot.exchange.keepRefusedHead(bytes, in: context) }
    input.replace(with: block)
  }

  /// A slot for an exchange that begins now.
  func takeSlot() {
    let slot = worker.takeSlot()
    slot.connection = self
    worker.refreshClock()
    slot.exchange.begin(
      startedAt: headStartedAt.nanoseconds == 0 ? worker.loop.now : headStartedAt, peer: peer, secured: secured,
      listener: listener, in: worker.context)
    slot.exchange.log.bytesIn = UInt64(input?.count ?? 0)
    headStartedAt = MonotonicTime(nanoseconds: 0)
    self.slot = slot
    phase = .exchanging
    scanned = 0
  }

  private func beginExchange() {
    guard worker.stage < .ending else { return refuseHead(.drainTimeout) }
    exchangesBegun += 1
    takeSlot()
    decide()
  }

  /// Has the head at the start of `input` decided, and does what comes of it. Also when something was waited for: the head
  /// is parsed again then.
  func decide() {
    guard let slot, let block = input.take() else { return }
    let context = worker.context
    let action = block.withReadable { bytes in slot.exchange.decide(bytes, in: context) }
    input.replace(with: block)
    if exchangesBegun >= context.active.requestsPerConnectionMax { slot.exchange.closeAfterwards() }
    switch consume action {
    case .refuse(let refusal):
      consumeHead(slot)
      refuse(refusal, .withBatch)
    case .answer(let response):
      consumeHead(slot)
      answer(with: response)
    case .waitForKeys(let provider):
      worker.waitForKeys(self, provider: provider)
    case .introspect(let credential, let provider):
      worker.introspect(credential, for: self, provider: provider)
    case .renew(let token, let provider):
      worker.renew(token, for: self, provider: provider)
    case .ask(let responder):
      let request = localRequest(slot)
      consumeHead(slot)
      continueExpectation()
      ask(responder, request)
    case .forward(let head, let upstream):
      consumeHead(slot)
      continueExpectation()
      forward(head, to: upstream)
    }
  }

  /// Parses the head again: another exchange of the loop has used its place since.
  func decideAgain() {
    guard slot != nil, let block = input.take() else { return }
    let context = worker.context
    // A reload may have lowered the limits that it kept to.
    let fault = block.withReadable { bytes -> Reason? in
      do throws(HeadError) {
        return try RequestHeadParser.parse(
          bytes, from: 0, limits: context.active.headLimits, scheme: scheme, into: &context.head)
          ? nil : .internalError
      } catch {
        return error.reason
      }
    }
    input.replace(with: block)
    worker.refreshClock()
    if let fault { refuse(RefusalResponse(fault, connection: .closed)) } else { decide() }
  }

  /// The request at the start of `input` for a Responder; its body follows.
  private func localRequest(_ slot: ExchangeSlot) -> LocalRequest {
    let context = worker.context
    guard let block = input.take() else { return LocalRequest() }
    let path = context.path
    var request = block.withReadable { bytes in LocalRequest(context.head, bytes, path: path.span) }
    input.replace(with: block)
    request.client = context.client.address
    request.isSecure = context.client.scheme == .https
    request.requestID = slot.exchange.requestID.text
    return request
  }

  /// Drops the head of the exchange under way, which is decided.
  func consumeHead(_ slot: ExchangeSlot) {
    input?.consume(slot.exchange.request.headLength)
    giveInputIfEmpty()
  }

  /// Says `100 Continue` where the client waits for it and the body has not begun (RFC 9110 §10.1.1).
  private func continueExpectation() {
    guard let slot, slot.exchange.request.expectsContinue, !slot.exchange.request.body.isComplete, input == nil else {
      return
    }
    append("HTTP/1.1 100 Continue\r\n\r\n")
    flush()
  }
}
