import Sockets
import Synchronization
import Telemetry
import Tokens

/// Which tokens the code flows of all providers have verified. From anywhere: it is asked a few times at each sign-in.
final class CodeFlowCensus: Sendable {
  private let census = Mutex(TokenCensus(since: WallClock.seconds))

  func count(_ token: VerifiedToken) {
    let arrival = TokenArrival(
      place: .codeFlow, issuedAt: token.issuedAt, expiresAt: token.expiresAt,
      now: WallClock.seconds)
    census.withLock { _ = $0.count(arrival, known: .none) { TokenCensus.Kind(ofCodeFlow: token) } }
  }

  /// As it is now.
  var counted: TokenCensus { census.withLock { $0 } }
}
