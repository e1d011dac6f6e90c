import HTTP
import Reason
import Sockets

/// A client's connection: reads heads, has its exchanges decided, relays bodies and answers. One exchange at a time.
final class ClientConnection: Pollable {
  enum Phase {
    /// Of TLS.
    case handshaking
    /// Between requests, or inside a head.
    case reading
    /// An exchange is under way.
    case exchanging
    /// Answered, and closed for writing; still read for a while, so that no reset destroys the answer.
    case lingering
    case closed
  }

  let worker: Worker
  /// The listener's place.
  private let listener: Int
  var peer: Peer
  /// A PROXY header has to come before anything else.
  var awaitsProxyHeader: Bool
  /// The address that the connection is counted for, where it is.
  var countedAddress: IPAddress?
  var stream: ByteStream
  var phase = Phase.reading
  /// What the TLS handshake has shown; nil before it has ended, and in clear.
  var secured: SecuredConnection?
  /// What the client sent and was not used yet. Nil while the connection is idle.
  var input: Buffer?
  /// What the client is to get.
  var output: Buffer?
  var receiving = ReceivingSide()
  var canWrite = true
  /// The client has taken something since its deadline was armed.
  var hasTaken = false
  /// When the client that is waited for last sent or took something.
  var hasMovedAt = MonotonicTime(nanoseconds: 0)
  /// The end of what is sent was said.
  private var hasEndedOutput = false
  /// The exchanges that it has carried, with the one under way.
  private var exchangesBegun = 0
  /// How much of `input` was looked at for the end of a line.
  private var scanned = 0
  private var headStartedAt = MonotonicTime(nanoseconds: 0)
  /// The exchange under way.
  var slot: ExchangeSlot?

  init(_ stream: consuming ByteStream, _ peer: Peer, awaitsProxyHeader: Bool, listener: Int, worker: Worker) {
    self.stream = stream
    self.peer = peer
    self.awaitsProxyHeader = awaitsProxyHeader
    self.listener = listener
    self.worker = worker
    super.init()
  }

  /// Registers with the loop.
  func start() throws(SystemError) {
    try worker.loop.register(self, descriptor: stream.descriptor, interest: .edge)
    if awaitsProxyHeader { worker.headDeadlines.arm(self) } else { beginStream() }
  }

  /// Nothing of a request has come: also an empty line is nothing, which some clients send behind a body.
  private var isIdle: Bool { phase == .reading && (input == nil || holdsEmptyLine) }

  private var holdsEmptyLine: Bool {
    guard let block = input.take() else { return false }
    let isEmptyLine = block.withReadable { bytes in
      bytes.count == 2 && bytes[0] == UInt8(ascii: "\r") && bytes[1] == UInt8(ascii: "\n")
    }
    input = consume block
    return isEmptyLine
  }

  /// The gateway is draining: what the client has sent already is answered, a connection without a request ends.
  func drain() {
    guard isIdle else { return }
    receiving.tryAgain()
    run()
    guard isIdle else { return }
    // Just accepted: its first request is most likely on its way.
    if exchangesBegun > 0 { close() } else { worker.lingerDeadlines.arm(self) }
  }

  // MARK: Events

  override func ready(_ events: ReadyEvents) {
    if events.contains(.writable) { canWrite = true }
    receiving.note(events)
    if stream.isSecured {
      if canWrite, stream.readWantsRoom { receiving.tryAgain() }
      if receiving.mayRead, stream.writeWantsInput { canWrite = true }
    }
    // Both ends of a tunnel may be shut while there is still something to be read.
    if events.contains(.error) || (events.contains(.hangup) && slot?.exchange.state != .tunnelling) {
      clientIsGone()
      return
    }
    run()
  }

  override func run() {
    switch phase {
    case .handshaking: shakeHands()
    case .reading where awaitsProxyHeader:
      readProxyHeader()
      if !awaitsProxyHeader { run() }
    case .reading: readHeads()
    case .exchanging: proceed()
    case .lingering: linger()
    case .closed: break
    }
  }

  override func deadlineExpired() {
    switch phase {
    case .handshaking:
      worker.failedHandshakes.count("handshake_timeout")
      close()
    case .reading:
      if awaitsProxyHeader {
        refuseConnection()
      } else if isIdle {
        close()
      } else {
        refuseHead(.headTimeout)
      }
    case .exchanging: exchangeTimedOut()
    case .lingering: close()
    case .closed: break
    }
  }

  private var scheme: Scheme { stream.isSecured ? .https : .http }

  // MARK: Request heads

  /// Reads and parses until a head is whole, then begins its exchange; pipelined heads follow when it has ended.
  func readHeads() {
    while phase == .reading {
      if let count = input?.count, count > scanned, parseHead() { continue }
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
    input = consume block
    switch parsed {
    case .incomplete:
      if holdsEmptyLine {
        headStartedAt = MonotonicTime(nanoseconds: 0)
        return false
      }
      if scanned == 0 { worker.headDeadlines.arm(self) }
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
    takeSlot()
    cut(.clientClosed)
  }

  /// Ends a connection in whose head `timeouts.drain` has ended.
  func cutHead() {
    guard phase == .reading, !isIdle else { return }
    takeSlot()
    cut(.drainTimeout)
  }

  /// A head that will be no request: answered, and nothing more of the connection is read.
  private func refuseHead(_ reason: Reason) {
    takeSlot()
    refuse(Refusal(reason, connection: .closed))
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
    input = consume block
    if exchangesBegun >= context.active.requestsPerConnectionMax { slot.exchange.closeAfterwards() }
    switch consume action {
    case .refuse(let refusal):
      consumeHead(slot)
      refuse(refusal, later: true)
    case .answer(let response):
      consumeHead(slot)
      answer(with: response)
    case .waitForKeys(let provider):
      worker.waitForKeys(self, provider: provider)
    case .introspect(let token, let provider):
      worker.introspect(token, for: self, provider: provider)
    case .ask(let responder):
      let request = localRequest()
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
    let isWhole = block.withReadable { bytes -> Bool in
      do throws(HeadError) {
        return try RequestHeadParser.parse(
          bytes, from: 0, limits: context.active.headLimits, scheme: scheme, into: &context.head)
      } catch {
        return false
      }
    }
    input = consume block
    worker.refreshClock()
    if isWhole { decide() } else { refuse(Refusal(.internalError)) }
  }

  /// The request at the start of `input` for a Responder; its body follows.
  private func localRequest() -> LocalRequest {
    let context = worker.context
    guard let block = input.take() else { return LocalRequest() }
    let path = context.path
    let request = block.withReadable { bytes in LocalRequest(context.head, bytes, path: path.span) }
    input = consume block
    return request
  }

  /// Drops the head of the exchange under way, which is decided.
  func consumeHead(_ slot: ExchangeSlot) {
    input?.consume(slot.exchange.headLength)
    giveInputIfEmpty()
  }

  /// Says `100 Continue` where the client waits for it and the body has not begun (RFC 9110 §10.1.1).
  private func continueExpectation() {
    guard let slot, slot.exchange.expectsContinue, !slot.exchange.requestBody.isComplete, input == nil else { return }
    append("HTTP/1.1 100 Continue\r\n\r\n")
    flush()
  }

  // MARK: The socket

  /// Reads into `input`.
  func read() -> Transfer { receiving.read(&stream, into: &input, worker.context.blocks) }

  func giveInputIfEmpty() {
    if let count = input?.count, count == 0, let block = input.take() { worker.context.blocks.give(block) }
  }

  func append(_ text: StaticString) {
    if output == nil { output = worker.context.blocks.take() }
    output?.append(text)
  }

  /// Sends what it can of `output`.
  ///
  /// - Returns: Whether everything was sent.
  @discardableResult
  func flush() -> Bool {
    guard var block = output.take() else { return true }
    while !block.isEmpty, canWrite {
      switch stream.write(&block) {
      case .bytes(let count):
        hasTaken = true
        slot?.exchange.log.bytesOut += UInt64(count)
      case .wouldBlock, .end: canWrite = false
      case .failed:
        worker.context.blocks.give(block)
        clientIsGone()
        return false
      }
    }
    guard block.isEmpty else {
      output = consume block
      return false
    }
    worker.context.blocks.give(block)
    return true
  }

  /// Tells the client that no more comes, once; where there is no room to say it, to be called again.
  func endOutput() {
    guard !hasEndedOutput, canWrite else { return }
    hasEndedOutput = stream.end()
    canWrite = hasEndedOutput
  }

  // MARK: The end

  /// The exchange is over and its answer was sent: the next one, or the end of the connection.
  func exchangeEnded() {
    guard let slot else { return }
    worker.finish(slot)
    let fate = slot.exchange.persistence
    self.slot = nil
    worker.giveSlot(slot)
    guard fate == .kept, !worker.isDraining else {
      closeGently()
      return
    }
    phase = .reading
    scanned = 0
    if receiving.hasEnded, input == nil {
      close()
      return
    }
    worker.idleDeadlines.arm(self)
    // Pipelined requests go on from the loop, not from here: a long row of them takes turns with other connections.
    if input != nil || receiving.mayRead { worker.loop.runLater(self) }
  }

  /// Closes so that what was sent arrives: a socket that is closed with unread input is reset.
  func closeGently() {
    guard phase != .closed else { return }
    if receiving.hasEnded {
      close()
      return
    }
    phase = .lingering
    stream.ignoreInput()
    endOutput()
    worker.lingerDeadlines.arm(self)
    linger()
  }

  private func linger() {
    endOutput()
    var reads = 0
    while receiving.mayRead {
      guard reads < Limits.readsPerTurnMax else {
        worker.loop.runLater(self)
        return
      }
      reads += 1
      input?.clear()
      switch read() {
      case .bytes, .wouldBlock: continue
      case .end, .failed:
        close()
        return
      }
    }
    input?.clear()
    giveInputIfEmpty()
  }

  /// The client's connection is broken.
  func clientIsGone() {
    switch phase {
    case .exchanging: cut(.clientClosed)
    case .handshaking, .reading, .lingering: close()
    case .closed: break
    }
  }

  /// - Parameter isClean: Whether nothing that was begun is cut.
  func close(isClean: Bool = true) {
    guard phase != .closed else { return }
    phase = .closed
    worker.loop.unregister(self)
    stream.close(isClean: isClean)
    if let block = input.take() { worker.context.blocks.give(block) }
    if let block = output.take() { worker.context.blocks.give(block) }
    worker.connectionClosed(countedFor: countedAddress)
  }

  /// As `close`, but the peer sees that the message was cut.
  func abort() {
    if phase != .closed { stream.abort() }
    close()
  }
}
