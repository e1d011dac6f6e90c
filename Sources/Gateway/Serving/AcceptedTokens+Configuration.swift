import Admin
import Configuration
import Keys
import Telemetry
import Tokens

/// What tokens of all providers may be like, over reloads.
struct AcceptedTokensOfAll {
  /// One that has another issuer now is another provider.
  private struct Name: Hashable {
    let provider: String
    let issuer: String
  }

  private var all: [Name: AcceptedTokens] = [:]

  /// At the start.
  init(_ configuration: GatewayConfiguration) {
    for provider in configuration.providers { all[AcceptedTokensOfAll.name(provider)] = AcceptedTokens(of: provider) }
  }

  /// Another configuration is in force from now on.
  mutating func take(_ configuration: GatewayConfiguration, now: UnixSeconds) {
    let before = all
    all = [:]
    for provider in configuration.providers {
      let name = AcceptedTokensOfAll.name(provider)
      var accepted = AcceptedTokens(of: provider)
      accepted.replace(before[name], at: now)
      all[name] = accepted
    }
  }

  private static func name(_ provider: ProviderConfiguration) -> Name {
    Name(provider: provider.name, issuer: provider.policy.issuer)
  }

  func accepted(by listing: KeyListing) -> AcceptedTokens {
    var accepted = all[Name(provider: listing.provider, issuer: listing.issuer)] ?? AcceptedTokens()
    accepted.keys = listing.keys.map {
      AcceptedTokens.Key(name: $0.key.keyID ?? $0.thumbprint, firstSeenAt: $0.firstSeenAt)
    }
    return accepted
  }
}

extension AcceptedTokens {
  /// Without its keys.
  fileprivate init(of provider: ProviderConfiguration) {
    self.init()
    hasCodeFlow = provider.codeFlow != nil
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
