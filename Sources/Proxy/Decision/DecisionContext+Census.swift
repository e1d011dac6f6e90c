import Access
import Telemetry
import Tokens

/// Counts the tokens that arrive.
extension DecisionContext {
  /// Counts a request from `identity`, by where its credential was. Verified tokens count, whatever the rule of the
  /// route decides.
  ///
  /// - Parameter cached: The index of the token in the loop's cache; nil if it is not there.
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
  /// nil if it is not a token.
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
