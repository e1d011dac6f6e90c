import HTTP
import Sockets

/// What a loop tells the others that carry traffic.
struct OtherLoops: Sendable {
  /// One of its requests may go to its upstream. Ends in `turnHasCome` of the loop that the turn is of.
  private(set) var giveTurn: @Sendable (ConnectionLimit.Turn, ConnectionLimit) -> Void = { _, _ in }
  /// A Responder has answered. Ends in `responded` of the loop that asked.
  private(set) var giveResponse: @Sendable (ExchangePlace, LocalResponse) -> Void = { _, _ in }

  /// Of a loop that does not accept yet.
  init() {}

  init(_ workers: [LoopBound<Worker>]) {
    giveTurn = { turn, limit in workers[turn.worker].async { $0.turnHasCome(turn, limit) } }
    giveResponse = { place, response in workers[place.worker].async { $0.responded(place, response) } }
  }
}
