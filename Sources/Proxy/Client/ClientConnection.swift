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
    /// Answered, and closed for writing; still read for a while, so that no reset destroys the response.
    case lingering
    case closed
  }

  let worker: Worker
  /// The listener's place.
  let listener: Int
  /// Of the listener, when it was accepted.
  private let clientsGeneration: Int
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
  var exchangesBegun = 0
  /// How much of `input` was looked at for the end of a line.
  var scanned = 0
  var headStartedAt = MonotonicTime(nanoseconds: 0)
  /// The exchange under way.
  var slot: ExchangeSlot?

  init(_ stream: consuming ByteStream, from peer: Peer, awaitsProxyHeader: Bool, listener: Int, worker: Worker) {
    self.stream = stream
    self.peer = peer
    self.awaitsProxyHeader = awaitsProxyHeader
    self.listener = listener
    clientsGeneration = worker.clientsGenerations[listener]
    self.worker = worker
    super.init()
  }

  /// Registers with the loop.
  func start() throws(SystemError) {
    try worker.loop.register(self, descriptor: stream.descriptor, interest: .edge)
    if awaitsProxyHeader { worker.deadlines.head.arm(self) } else { beginStream() }
  }

  /// The gateway is draining: what the client has sent already is answered, a connection without a request ends.
  func drain() {
    guard isIdle else { return }
    receiving.tryAgain()
    run()
    guard isIdle else { return }
    // Just accepted: its first request is most likely on its way.
    if exchangesBegun > 0 { close() } else { worker.deadlines.linger.arm(self) }
  }

  /// It carries no further exchange: the gateway is draining, or its client was let in as nobody is any more.
  var endsAfterExchange: Bool { worker.isDraining || isOutdated }

  var isOutdated: Bool { worker.clientsGenerations[listener] != clientsGeneration }

  /// A reload lets in other clients, or asks them for something else.
  func endIfOutdated() {
    // The rest of a head would be a request of somebody who is let in no more.
    if isOutdated { endReading(.certificateRefused) }
  }

  /// Ends a connection between two requests or inside a head.
  ///
  /// - Parameter reason: Why a head that is not whole is cut.
  func endReading(_ reason: Reason) {
    guard phase == .reading else { return }
    // What was sent before is answered.
    receiving.tryAgain()
    run()
    guard phase == .reading else { return }
    if isIdle || awaitsProxyHeader { close() } else { cutHead(reason) }
  }

  // MARK: Events

  override func ready(_ events: ReadyEvents) {
    if events.contains(.writable) { canWrite = true }
    let leaves = isLeft(at: events)
    receiving.note(events)
    if stream.isSecured {
      if canWrite, stream.readWantsRoom { receiving.tryAgain() }
      if receiving.mayRead, stream.writeWantsInput { canWrite = true }
    }
    // Both ends of a tunnel may be shut while there is still something to be read.
    if leaves || events.contains(.error) || (events.contains(.hangup) && slot?.exchange.state != .tunnelling) {
      clientIsGone()
      return
    }
    run()
  }

  /// Whether the client closes its connection while it waits for a response, as a browser does whose user has gone on
  /// (RFC 9112 §9.5). An end that comes with the request says only that no other one follows.
  private func isLeft(at events: ReadyEvents) -> Bool {
    guard events.contains(.peerClosed), !receiving.endIsNear, phase == .exchanging, let slot else { return false }
    switch slot.exchange.state {
    case .tunnelling, .answered: return false
    case .deciding, .waitingForKeys, .waitingForIntrospection, .waitingForRenewal, .waitingForResponder,
      .waitingForUpstream, .answering:
      return slot.exchange.request.body.isComplete
    }
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

  // MARK: The socket

  /// Reads into `input`.
  func read() -> IOResult {
    // As in `UpstreamConnection.read`.
    var side = receiving
    var block = input.take()
    let result = side.read(&stream, into: &block, worker.context.blocks)
    receiving = side
    if let block { input.replace(with: block) }
    return result
  }

  func giveInputIfEmpty() {
    if let count = input?.count, count == 0, let block = input.take() { worker.context.blocks.give(block) }
  }

  func append(_ text: StaticString) {
    if output == nil { output.replace(with: worker.context.blocks.take()) }
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
      output.replace(with: block)
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

  /// The exchange is over and its response was sent: the next one, or the end of the connection.
  func exchangeEnded() {
    guard let slot else { return }
    worker.finish(slot)
    let fate = slot.exchange.request.persistence
    self.slot = nil
    worker.giveSlot(slot)
    guard fate == .kept, !endsAfterExchange else {
      closeGently()
      return
    }
    phase = .reading
    scanned = 0
    if receiving.hasEnded, input == nil {
      close()
      return
    }
    worker.deadlines.idle.arm(self)
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
    worker.deadlines.linger.arm(self)
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

  func close(_ end: ByteStream.End = .whole) {
    guard phase != .closed else { return }
    phase = .closed
    worker.loop.unregister(self)
    stream.close(end)
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
