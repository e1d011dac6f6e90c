import Configuration
import HTTP
import Reason
import Sockets
import TLS

/// A connection to a server of an upstream: connecting, its TLS handshake included, free, or carrying one exchange.
final class UpstreamConnection: Pollable {
  enum State { case connecting, free, busy, closed }

  private(set) var state: State
  let server: UpstreamServer
  let pool: UpstreamPool
  private let worker: Worker
  private var stream: ByteStream
  /// The socket is connected; where it speaks TLS the handshake may still be to come.
  private var isConnected = false
  /// The exchange that it carries; it belongs to that connection until the response has ended.
  private(set) var client: ClientConnection?

  /// What is to be sent: the head, and behind it the framed body as it comes. The head is kept after it was sent until
  /// the response begins, where the request may be sent again.
  private var request: ForwardedHead?
  private var sent = 0
  private var canWrite = false
  /// What a tunnel sends next.
  var output: Buffer?
  private var hasEndedOutput = false
  /// What the upstream sent and was not read yet.
  var input: Buffer?
  private var receiving = ReceivingSide()
  /// It has carried an exchange before: the server may be closing it at this moment.
  private(set) var isReused = false
  private(set) var hasReceived = false
  /// It took something of the request since `expectResponse`.
  private(set) var hasProgressed = false
  /// It stands in its server's count of requests in flight.
  private var isCounted = false

  init(to server: UpstreamServer, pool: UpstreamPool, worker: Worker) throws(SystemError) {
    self.server = server
    self.pool = pool
    self.worker = worker
    stream = try server.connect(pool.tls, on: worker)
    state = .connecting
    super.init()
    try worker.loop.register(self, descriptor: stream.descriptor, interest: .edge)
    pool.connectDeadlines.arm(self)
  }

  // MARK: The request

  /// Begins to carry an exchange: its head goes out as soon as the connection stands.
  func carry(_ head: consuming ForwardedHead, for client: ClientConnection) {
    self.client = client
    if pool.countsRequests {
      isCounted = true
      server.state.requestBegan()
    }
    hasReceived = false
    sent = 0
    request.replace(with: head)
    if state == .free {
      state = .busy
      comesFirst = false
      isReused = true
      disarmDeadline()
    }
  }

  /// Bytes of body that `send` takes at the moment.
  var bodyRoom: Int {
    // Without chunks a whole block's fits, so that no few bytes of it are left.
    let framing = request?.framing == .chunked ? Limits.chunkFramingBytesMax : 0
    let room = (request?.bytes.writableCount ?? 0) - framing
    return room >= Limits.bodyRoomMin ? room : 0
  }

  /// Takes `data`, a part of `block`, as the next piece of the body; at most `bodyRoom` bytes.
  func send(_ block: borrowing Buffer, _ data: ByteRange) {
    guard !data.isEmpty, let framing = request?.framing else { return }
    var start = data.lowerBound
    if framing != .chunked, state == .busy, canWrite, isFlushed, data.count >= Limits.directWriteBytesMin {
      forgetSent()
      switch stream.write(block, from: start, to: data.upperBound) {
      case .bytes(let count):
        start += count
        hasProgressed = true
      case .wouldBlock, .end: canWrite = false
      case .failed: break
      }
      if start == data.upperBound { return }
    }
    guard var head = request.take() else { return }
    block.withReadable { bytes in
      let piece = bytes.extracting(start..<data.upperBound)
      if framing == .chunked { head.bytes.append(chunk: piece) } else { head.bytes.append(piece) }
    }
    request.replace(with: head)
  }

  /// The body is complete.
  func endBody() {
    if request?.framing == .chunked { request?.bytes.append("0\r\n\r\n") }
  }

  /// Sends what it can.
  func flush() {
    guard state == .busy, canWrite else { return }
    while let count = request?.bytes.count, sent < count {
      guard let result = sendRest(to: count) else { return }
      switch result {
      case .bytes(let written):
        sent += written
        hasProgressed = true
      case .wouldBlock, .end:
        canWrite = false
        return
      case .failed:
        // The server may have answered before it closed: what it sent is read first.
        canWrite = false
        receiving.tryAgain()
        worker.loop.runLater(self)
        return
      }
    }
    if request?.isReplayable == false { forgetSent() }
  }

  private func sendRest(to count: Int) -> IOResult? {
    guard let head = request.take() else { return nil }
    let result = stream.write(head.bytes, from: sent, to: count)
    request.replace(with: head)
    return result
  }

  /// Everything that was given was sent.
  var isFlushed: Bool { (request?.bytes.count ?? 0) == sent }

  private func forgetSent() {
    request?.bytes.consume(sent)
    sent = 0
  }

  /// Takes the request back, to send it elsewhere: only where it does no harm and nothing was answered.
  func takeReplay() -> ForwardedHead? {
    guard isReused, !hasReceived, request?.isReplayable == true else { return nil }
    sent = 0
    return request.take()
  }

  private func dropRequest() {
    sent = 0
    if let head = request.take() { worker.context.blocks.give(head.takeBytes()) }
  }

  // MARK: A tunnel

  /// From here on bytes go both ways, with no deadline of its own.
  func beginTunnel() {
    disarmDeadline()
    dropRequest()
  }

  enum Flush { case sent, isFull, failed }

  /// Whether it took something since this was last asked.
  func takeProgress() -> Bool {
    defer { hasProgressed = false }
    return hasProgressed
  }

  /// Sends what it can of `output`. Where the upstream has cut TLS nothing can be sent: it is dropped, so that what the
  /// upstream has sent before still goes to the client.
  func flushTunnel() -> Flush {
    guard var block = output.take() else { return .sent }
    guard !isCut else {
      worker.context.blocks.give(block)
      return .sent
    }
    while !block.isEmpty, canWrite {
      switch stream.write(&block) {
      case .bytes: hasProgressed = true
      case .wouldBlock, .end: canWrite = false
      case .failed:
        worker.context.blocks.give(block)
        return .failed
      }
    }
    guard block.isEmpty else {
      output.replace(with: block)
      return .isFull
    }
    worker.context.blocks.give(block)
    return .sent
  }

  /// Tells the upstream that no more comes, once; where there is no room to say it, to be called again.
  func endTunnel() {
    guard !hasEndedOutput, canWrite else { return }
    hasEndedOutput = stream.end()
    canWrite = hasEndedOutput
  }

  /// The upstream sends no more, and what it sent was read.
  var hasEnded: Bool { receiving.hasEnded }

  /// The upstream's end came without TLS's own, as of many servers.
  var isCut: Bool { stream.isCut }

  /// Nothing waits here to go on, in either direction.
  var holdsNothing: Bool { input == nil && output == nil }

  // MARK: Events

  override func ready(_ events: ReadyEvents) {
    if state == .connecting {
      guard connected(events) else { return }
    } else if events.contains(.writable) {
      canWrite = true
    }
    receiving.note(events)
    if stream.isSecured {
      if canWrite, stream.readWantsRoom { receiving.tryAgain() }
      if receiving.mayRead, stream.writeWantsInput { canWrite = true }
    }
    switch state {
    case .free:
      // A response that nobody asked for, or the end: of no use any more (SECURITY U-3). What TLS says for itself is
      // neither: session tickets come when the server likes (RFC 8446 §4.6.1).
      if receiving.mayRead, !stream.isSecured || hasPendingInput() { close() }
    case .busy: run()
    case .connecting, .closed: break
    }
  }

  override func run() {
    guard state == .busy, let client else { return }
    if canWrite { flush() }
    // The request is whole and was sent, and no response has begun.
    if request?.framing == BodyFraming.none, isFlushed, !receiving.mayRead, input == nil { return }
    client.upstreamIsReady(self)
  }

  /// Whether the connection stands.
  private func connected(_ events: ReadyEvents) -> Bool {
    if !isConnected {
      guard !events.isDisjoint(with: [.writable, .hangup, .error]) else { return false }
      if stream.connectionError != nil {
        fail(.upstreamUnreachable)
        return false
      }
      isConnected = true
    }
    if stream.isSecured {
      guard handshakeIsDone() else { return false }
      // Behind the handshake something may have come with the same edge.
      receiving.tryAgain()
    }
    state = .busy
    canWrite = true
    disarmDeadline()
    client?.upstreamConnected(self)
    return state == .busy
  }

  /// Goes on with the TLS handshake; whether it is done.
  private func handshakeIsDone() -> Bool {
    switch stream.handshake() {
    case .done: return true
    case .wouldBlock: return false
    case .left: tlsFailed("connection_closed")
    case .failed(let why): tlsFailed(why)
    }
    fail(.upstreamTlsFailed)
    return false
  }

  /// The client learns nothing of it (SECURITY U-8).
  private func tlsFailed(_ why: String) {
    worker.failedHandshakes.count(
      why, of: FailedHandshakes.Server(upstream: pool.state.configuration.name, name: server.state.name))
  }

  override func deadlineExpired() {
    switch state {
    case .connecting:
      if isConnected { tlsFailed("handshake_timeout") }
      fail(.upstreamConnectTimeout)
    case .free: close()
    case .busy: client?.upstreamStalled(self)
    case .closed: break
    }
  }

  /// No connection came about.
  private func fail(_ reason: Reason) {
    pool.failed(server, reason, on: worker)
    let client = self.client
    let unsent = request.take()
    close()
    client?.upstreamNotConnected(self, reason, unsent)
  }

  /// Arms the time until the next sign of the upstream.
  func expectResponse(within deadlines: DeadlineList) {
    hasProgressed = false
    deadlines.arm(self)
  }

  // MARK: The response

  /// Reads what has come into `input`.
  ///
  /// - Returns: What it came to; `wouldBlock` also where there is nothing to read now.
  func read() -> IOResult {
    guard receiving.mayRead, !receiving.hasEnded else { return receiving.hasEnded ? .end : .wouldBlock }
    // In copies, or in their place for the time: changed where they are, each use of them would be checked for exclusivity.
    var side = receiving
    var block = input.take()
    let result = side.read(&stream, into: &block, worker.context.blocks)
    receiving = side
    if let block { input.replace(with: block) }
    if case .bytes = result, !hasReceived {
      hasReceived = true
      pool.answered(server, on: worker)
    }
    return result
  }

  /// Why it ended before a response. A server that does not believe our certificate may say so only now (RFC 8446 §2).
  func reasonOfEnd() -> Reason {
    guard let why = stream.failure else { return .upstreamClosed }
    tlsFailed(why)
    return .upstreamTlsFailed
  }

  /// It ended before a response. An older connection may have been closing already when it was taken, which says
  /// nothing of the server.
  func endedUnanswered(_ reason: Reason) {
    if !isReused { pool.failed(server, reason, on: worker) }
  }

  /// Its time has passed without a byte of a response.
  func timedOut() {
    if !hasReceived { pool.failed(server, .upstreamTimeout, on: worker) }
  }

  // MARK: The end

  /// The exchange is over and both messages ended where they should: free for the next.
  func release() {
    exchangeIsOver()
    let closes = request?.closesConnection ?? true
    guard state == .busy, !closes, isFlushed, input == nil, !receiving.hasEnded,
      !receiving.mayRead || !hasPendingInput()
    else {
      close()
      return
    }
    dropRequest()
    state = .free
    // What comes now is no response: it is seen before the connection is taken for a request of the same batch.
    comesFirst = true
    if server.keepIdle(self) { pool.idleDeadlines.arm(self) } else { close() }
  }

  private func exchangeIsOver() {
    client = nil
    guard isCounted else { return }
    isCounted = false
    server.state.requestEnded()
  }

  /// Whether something stands in the socket though the response has ended.
  private func hasPendingInput() -> Bool {
    if case .wouldBlock = read() { return false }
    return true
  }

  /// As `close`, but the server sees that the message was cut.
  func abort() {
    if state != .closed { stream.abort() }
    close()
  }

  func close() {
    guard state != .closed else { return }
    if state == .free { server.removeIdle(self) }
    state = .closed
    exchangeIsOver()
    worker.loop.unregister(self)
    // A request frames itself: whether it was cut is seen without the end of TLS.
    stream.close(.whole)
    dropRequest()
    if let block = input.take() { worker.context.blocks.give(block) }
    if let block = output.take() { worker.context.blocks.give(block) }
  }
}
