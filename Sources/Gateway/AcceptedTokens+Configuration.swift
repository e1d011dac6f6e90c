import Admin
import Configuration
import Keys
import Telemetry
import Tokens

extension AcceptedTokens {
  /// - Parameters:
  ///   - provider: nil: its keys alone are known.
  ///   - listing: Of its keys.
  init(of provider: ProviderConfiguration?, _ listing: KeyListing) {
    self.init()
    keys = listing.keys.map { Key(name: $0.key.keyID ?? $0.thumbprint, firstSeenAt: $0.firstSeenAt) }
    guard let provider else { return }
    algorithms = provider.policy.algorithms ?? []
    if case .oneOf(let texts) = provider.policy.audiences { audiences = texts }
    places = TokenPlace.allCases.filter { provider.reads($0) }
  }
}

extension ProviderConfiguration {
  /// Whether its tokens may stand there.
  fileprivate func reads(_ place: TokenPlace) -> Bool {
    credentialSources.contains { source in
      switch source {
      case .authorization: place == .bearer && dpop != .required || place == .dpop && dpop != .off
      case .cookie, .signInCookie: place == .cookie
      case .webSocketProtocol: place == .webSocketProtocol
      case .session: false
      }
    }
  }
}
