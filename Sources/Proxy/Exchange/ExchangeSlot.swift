import HTTP

/// The slot of one exchange: its state machine and what it holds while it lasts. Slots are reused, so that an idle
/// connection costs nothing and a request allocates nothing.
final class ExchangeSlot {
  /// Its index among the slots of the loop.
  let index: Int
  let exchange = Exchange()
  /// While it is free: the index of the next one that is.
  var nextFree: Int?
  var connection: ClientConnection?
  var upstream: UpstreamConnection?
  var pool: UpstreamPool?
  /// The number of attempts after the first.
  var attempt = 0
  /// The servers that could not be connected to.
  var attemptedServers: [ServerState] = []
  /// Whether it counts towards the upstream's `max_connections`.
  var isAdmitted = false
  /// The head to send once the upstream has room; nil unless the request is queued.
  var queuedHead: ForwardedHead?
  var local: LocalExchange?
  /// Whether the request body is still being relayed.
  var requestIsOpen = false
  /// How fast the client sends the body.
  var bodyPace = Pace()
  /// How fast the client takes the response.
  var responsePace = Pace()
  /// The number of names under which `TunnelIdentities` lists it.
  var tunnelNames = 0

  init(index: Int) { self.index = index }

  /// Whether the request waits for room at the upstream.
  var isQueued: Bool { queuedHead != nil }

  func clear() {
    exchange.forget()
    connection = nil
    upstream = nil
    pool = nil
    local = nil
    attempt = 0
    if !attemptedServers.isEmpty { attemptedServers = [] }
    requestIsOpen = false
    bodyPace = Pace()
    responsePace = Pace()
  }
}

/// A request that a `Responder` answers once its body has been read.
final class LocalExchange {
  let responder: any Responder & Sendable
  var request: LocalRequest
  var hasAsked = false

  init(responder: any Responder & Sendable, request: LocalRequest) {
    self.responder = responder
    self.request = request
  }
}
