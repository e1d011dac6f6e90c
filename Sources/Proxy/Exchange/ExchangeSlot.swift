import HTTP

/// The place of one exchange: its state machine and what it holds while it lasts. Slots are used again, so that an idle
/// connection costs nothing and a request allocates nothing.
final class ExchangeSlot {
  /// Its place among the loop's.
  let index: Int
  let exchange = Exchange()
  var connection: ClientConnection?
  var upstream: UpstreamConnection?
  var pool: UpstreamPool?
  /// Attempts beside the first.
  var attempt = 0
  /// The servers that could not be connected to.
  var attemptedServers: [ServerState] = []
  /// It is among those that the upstream's `max_connections` counts.
  var isAdmitted = false
  /// What is to be sent once the upstream has room: the request waits for others to end.
  var queuedHead: ForwardedHead?
  var local: LocalExchange?
  /// The request's body is still being relayed.
  var requestIsOpen = false
  /// How fast the client sends the body.
  var bodyPace = Pace()
  /// How fast the client takes the response.
  var responsePace = Pace()
  /// How many names `TunnelIdentities` has of it.
  var tunnelNames = 0

  init(index: Int) { self.index = index }

  /// Whether the request waits for others to end.
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

/// A request that a Responder answers: its body is read first.
struct LocalExchange {
  let responder: any Responder & Sendable
  var request: LocalRequest
  var hasAsked = false
}
