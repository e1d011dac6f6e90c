import Access
import Telemetry
import Tokens

/// Counting the tokens that come.
extension DecisionContext {
  /// A request came from `identity`, by a credential that stood there. One that was verified counts, whatever the route's
  /// rule says of it.
  ///
  /// - Parameter cached: Where the token stands in the loop's cache.
  func count(_ identity: Identity, cached: Int?, from credential: Credential) {
    guard countsTokens, case .token(let token) = identity, let place = credential.place else { return }
    let arrival = TokenArrival(
      place: place, issuedAt: token.issuedAt, expiresAt: token.expiresAt, now: unixSeconds)
    let known = cached.map { tokens.censusHandle(at: $0) } ?? .none
    let handle = census.count(arrival, known: known) { TokenCensus.Kind(token) }
    if let cached, handle != known { tokens.keep(handle, at: cached) }
  }
}

extension Credential {
  /// nil: it is no token.
  fileprivate var place: TokenPlace? {
    switch self {
    case .absent, .session: nil
    case .authorization(_, .bearer): .bearer
    case .authorization(_, .dpop): .dpop
    case .cookie: .cookie
    case .webSocketProtocol: .webSocketProtocol
    }
  }
}
