import Access
import Configuration
import Crypto
import HTTP
import Keys
import Reason
import Sockets
import TLS
import Telemetry
import Tokens

/// One loop that carries traffic, and all that belongs to it. Used on that loop alone.
final class Worker {
  let loop: EventLoop
  let context: DecisionContext
  var pools: [UpstreamPool]
  let idleUpstreams: IdleConnections
  let index: Int
  let counters: SharedCounters
  let accessLog: AccessLogRing
  /// nil: nobody asks for it.
  var counts: TrafficCounts?
  let report: @Sendable (ProxyEvent) -> Void
  private(set) var control = ControlRequests()
  private(set) var others = OtherLoops()

  /// By listener; nil: it speaks in clear.
  var tls: [TLSContext?]
  /// By listener.
  var clientsGenerations: [Int]
  let failedHandshakes: FailedHandshakes

  var deadlines: WorkerDeadlines
  let tunnelExpiries: TunnelExpiries
  let tunnelIdentities = TunnelIdentities()
  private(set) lazy var tunnelQuestions = TunnelQuestions(loop: loop) { [unowned self] in askAgain($1, of: $0) }
  /// Whether tunnels are going to be looked at for keys that are no longer there.
  var isKeyLookPending = false

  /// The response head being parsed: used while it is relayed, and not after.
  var responseHead = ResponseHead(fieldsMax: Limits.responseFieldsMax)
  let responseLimits = HeadLimits(
    headBytesMax: Limits.responseHeadBytesMax, fieldsMax: Limits.responseFieldsMax,
    targetBytesMax: Limits.responseHeadBytesMax)

  var sockets: [ListenerSockets.Share]
  var listeners: [Listener] = []
  var openConnections = 0
  /// The index of the first slot that is free; nil: all are in use.
  private var firstFreeSlot: Int?
  var slots: [ExchangeSlot] = []
  private var dateSecond: Int64 = -1
  private var dateText: [UInt8] = []
  private var isAcceptingPaused = false
  /// Connections that were closed as their address had too many.
  private var closedForAddress = FaultReport(pause: Limits.eventPause)
  var stage = Stage.serving
  var isDraining: Bool { stage >= .draining }
  var drained: (() -> Void)?

  init(
    index: Int, loop: EventLoop, sockets: [ListenerSockets.Share], tls: [TLSContext?],
    clientsGenerations: [Int], active: ActiveConfiguration, keys: KeySnapshot, upstreams: [UpstreamSnapshot],
    counters: SharedCounters, replays: ReplayMemory, rateLimits: RateLimitMemory, accessLog: AccessLogRing,
    counts: TrafficCounts?,
    report: @escaping @Sendable (ProxyEvent) -> Void
  ) {
    self.index = index
    self.sockets = sockets
    self.tls = tls
    self.clientsGenerations = clientsGenerations
    self.loop = loop
    self.counters = counters
    self.accessLog = accessLog
    self.counts = counts
    self.report = report
    accessLog.keepsSpans = active.traceSampling != nil
    context = DecisionContext(
      active, keys: keys, replays: replays, rateLimits: rateLimits, countsTokens: counts != nil, report: report)
    let idleUpstreams = IdleConnections(max: counters.room.idleUpstreamsPerLoop)
    self.idleUpstreams = idleUpstreams
    pools = upstreams.map { UpstreamPool($0, offset: index, loop: loop, idleTogether: idleUpstreams) }
    failedHandshakes = FailedHandshakes(loop: loop, report: report)
    deadlines = WorkerDeadlines(active.configuration.timeouts, on: loop)
    tunnelExpiries = TunnelExpiries(loop: loop)
  }

  /// In their order; it never goes back.
  enum Stage: Comparable {
    case serving
    /// Connections end after their exchange.
    case draining
    /// What is under way is cut, and no request begins any more.
    case ending
  }

  // MARK: Accepting

  /// Begins to accept.
  func listen(asking control: ControlRequests, telling others: OtherLoops) throws(SystemError) {
    self.control = control
    self.others = others
    let sockets = self.sockets
    // From here on the listeners alone own them: they close when those go.
    self.sockets = []
    for share in sockets {
      let listener = Listener(share, worker: self)
      try listener.start()
      listeners.append(listener)
    }
  }

  /// Whether one more connection fits `limits.connections`, and leaves descriptors for the upstreams' connections.
  func mayAccept() -> Bool {
    let most = context.active.configuration.limits.connectionsMax
    let room = counters.room.clients
    if counters.openConnections < min(most, room) { return true }
    isAcceptingPaused = true
    if let times = counters.acceptingPaused(loop.now) {
      report(room < most ? .connectionRoomTaken(room, times: times) : .connectionLimitReached(most, times: times))
    }
    return false
  }

  /// Closes a connection to an upstream that carries nothing, so that another one may be made; false where there is none.
  func closeIdleUpstream() -> Bool {
    for pool in pools where pool.closeIdle() { return true }
    return false
  }

  func acceptFailed(_ error: SystemError) {
    isAcceptingPaused = true
    if let times = counters.acceptingPaused(loop.now) { report(.acceptingPaused(error, times: times)) }
  }

  /// - Throws: Where the loop cannot be told of the connection, which is closed.
  func accept(
    _ socket: consuming Socket, from peer: Peer, awaitsProxyHeader: Bool, listener: Int
  ) throws(SystemError) {
    let stream: ByteStream
    if let context = tls[listener] {
      do throws(TLSFault) {
        stream = try ByteStream(socket, context)
      } catch {
        acceptingGoesOn()
        failedHandshakes.count("internal_error")
        return
      }
    } else {
      stream = ByteStream(socket)
    }
    let connection = ClientConnection(
      stream, from: peer, awaitsProxyHeader: awaitsProxyHeader, listener: listener, worker: self)
    openConnections += 1
    counters.connectionOpened()
    counts?.countConnection()
    do throws(SystemError) {
      try connection.start()
    } catch {
      connection.close()
      throw error
    }
    acceptingGoesOn()
  }

  private func acceptingGoesOn() {
    guard isAcceptingPaused else { return }
    isAcceptingPaused = false
    if counters.acceptingResumed() { report(.acceptingResumed) }
  }

  enum AddressCount {
    case unlimited, tooMany
    case counted(IPAddress)
  }

  /// Counts a connection for the address of its peer, where that is limited.
  func count(_ peer: Peer) -> AddressCount {
    guard let most = context.active.configuration.limits.connectionsPerAddressMax, let address = peer.address,
      !context.active.configuration.trustedProxies.contains(address)
    else { return .unlimited }
    let key = address.counted
    if counters.perAddress.open(key, most: most) { return .counted(key) }
    // A flood is said once in a while, with how many they were.
    if let closed = closedForAddress.happened(at: loop.now) {
      report(.addressLimitReached(most: most, closed: closed, lastOf: address.text))
    }
    return .tooMany
  }

  func connectionClosed(countedFor address: IPAddress?) {
    if let address { counters.perAddress.close(address) }
    openConnections -= 1
    counters.connectionClosed()
    tellWhenDrained()
  }

  // MARK: Exchanges

  /// The time of this batch, for what is decided in it.
  func refreshClock() {
    context.now = loop.now
    context.wallClockNanoseconds = loop.wallClockNanoseconds
  }

  func takeSlot() -> ExchangeSlot {
    if let index = firstFreeSlot {
      firstFreeSlot = slots[index].nextFree
      return slots[index]
    }
    let slot = ExchangeSlot(index: slots.count)
    slots.append(slot)
    return slot
  }

  func giveSlot(_ slot: ExchangeSlot) {
    leaveUpstream(slot)
    slot.clear()
    if slot.tunnelNames > 0 { tunnelIdentities.ended(slot) }
    slot.nextFree = firstFreeSlot
    firstFreeSlot = slot.index
  }

  /// Writes the access line of an exchange that is over.
  func finish(_ slot: ExchangeSlot) {
    if let (trier, name, counts) = slot.exchange.decision.rampStop {
      report(.enforcementStopped(trier, name: name, refused: counts.refused, requests: counts.requests))
    }
    guard counts != nil || accessLog.isOn else { return }
    let now = MonotonicTime.current
    let exchange = slot.exchange
    counts?.count(exchange.measure(at: now))
    accessLog.write({ exchange.fill(&$0, at: now) }, decided: { exchange.decided($0) })
  }

  /// Lets `connection` wait for keys; its deadline is the end of the wait.
  func waitForKeys(_ connection: ClientConnection, provider: Int) {
    deadlines.wait.arm(connection)
    control.fetchKeys(provider, context.active.generation)
  }

  /// Lets `connection` wait for what `provider` says of a credential; its deadline is the end of the wait.
  func introspect(_ credential: IntrospectedCredential, for connection: ClientConnection, provider: Int) {
    guard let slot = connection.slot else { return }
    deadlines.wait.arm(connection)
    control.introspect(
      IntrospectionQuestion(
        credential: credential, provider: provider, client: context.client.address, isOfTunnel: false,
        configuration: context.active.generation, worker: index, slot: slot.index,
        exchange: slot.exchange.generation))
  }

  /// Whom to ask, and how often, about what a tunnel was opened with; nil: there is nobody to be asked now.
  func questioned(
    _ slot: ExchangeSlot, _ credential: IntrospectedCredential
  ) -> (provider: Int, pause: Duration)? {
    let providers = context.active.configuration.providers
    guard let name = slot.exchange.log.identity.provider,
      let provider = providers.firstIndex(where: { $0.name == name }),
      let pause = context.tunnelPause(of: credential, providers[provider])
    else { return nil }
    return (provider, pause)
  }

  /// Introspects the credential that a tunnel was opened with once more.
  private func askAgain(_ credential: IntrospectedCredential, of slot: ExchangeSlot) -> TunnelQuestions.Asked {
    guard let (provider, pause) = questioned(slot, credential) else { return .nothing }
    control.introspect(
      IntrospectionQuestion(
        credential: credential, provider: provider, client: nil, isOfTunnel: true,
        configuration: context.active.generation, worker: index, slot: slot.index,
        exchange: slot.exchange.generation))
    return .asked(again: pause)
  }

  /// Lets `connection` wait for what comes of a refresh token; its deadline is the end of the wait.
  func renew(_ token: [UInt8], for connection: ClientConnection, provider: String) {
    guard let slot = connection.slot else { return }
    deadlines.wait.arm(connection)
    control.renew(
      RenewalRequest(
        token: token, provider: provider, client: context.client.address, place: place(of: slot)))
  }

  /// Something came of a refresh token. What was issued counts under another configuration too.
  func renewed(_ place: ExchangePlace, _ renewal: Renewal) {
    let slot = slots[place.slot]
    guard slot.exchange.generation == place.exchange, slot.exchange.state == .waitingForRenewal else { return }
    slot.exchange.renewed(renewal)
    resume(slot, place.exchange)
  }

  /// Has `responder` answer; nothing comes of a response to an exchange that is over.
  func ask(_ responder: any Responder & Sendable, _ request: LocalRequest, for slot: ExchangeSlot) {
    let giveResponse = others.giveResponse
    responder.respond(to: request) { [place = place(of: slot)] in giveResponse(place, $0) }
  }

  /// A Responder has answered.
  func responded(_ place: ExchangePlace, _ response: LocalResponse) {
    let slot = slots[place.slot]
    guard slot.exchange.generation == place.exchange, slot.exchange.state == .waitingForResponder else { return }
    slot.connection?.answer(with: response)
  }

  // MARK: Turns at an upstream

  /// Counts the exchange among those that are in flight, or has it wait, where the upstream has a limit.
  func enterUpstream(_ slot: ExchangeSlot, _ pool: UpstreamPool) -> ConnectionLimit.Admission {
    guard let limit = pool.state.limit else { return .admitted }
    let admission = limit.enter(place(of: slot))
    slot.isAdmitted = admission == .admitted
    return admission
  }

  /// The exchange is done with its upstream, or waits for its turn no longer.
  func leaveUpstream(_ slot: ExchangeSlot) {
    guard let limit = slot.pool?.state.limit else { return }
    if let head = slot.queuedHead.take() {
      context.blocks.give(head.takeBytes())
      limit.cancel(place(of: slot))
    } else if slot.isAdmitted {
      slot.isAdmitted = false
      if let next = limit.leave() { others.giveTurn(next, limit) }
    }
  }

  /// A request that waited is let in. Where it has gone meanwhile, the next one is.
  func turnHasCome(_ turn: ConnectionLimit.Turn, _ limit: ConnectionLimit) {
    let slot = slots[turn.slot]
    guard slot.exchange.generation == turn.exchange, slot.isQueued, let connection = slot.connection else {
      if let next = limit.leave() { others.giveTurn(next, limit) }
      return
    }
    slot.isAdmitted = true
    connection.turnHasCome(slot)
  }

  private func place(of slot: ExchangeSlot) -> ExchangePlace {
    ExchangePlace(worker: index, slot: slot.index, exchange: slot.exchange.generation)
  }

  /// The current second as Date says it (RFC 9110 §5.6.7).
  var date: [UInt8] {
    let second = loop.wallClockNanoseconds / 1_000_000_000
    if second != dateSecond {
      dateSecond = second
      dateText = HTTPDate.imfFixdate(unixSeconds: second)
    }
    return dateText
  }
}
