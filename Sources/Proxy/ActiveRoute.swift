import Access
import Configuration

/// A route compiled for the loops. Immutable; a class, so that a request refers to it without copying it.
final class ActiveRoute: Sendable {
  /// Whether a request has to bring a token.
  enum TokenUse { case none, optional, required }

  let configuration: RouteConfiguration
  let tokenUse: TokenUse
  /// Which of the different identity mappings it has: rendered identity headers are kept by it.
  let mapping: Int
  /// The names of the cookies that its providers' tokens may stand in.
  let tokenCookies: [[UInt8]]

  init(_ configuration: RouteConfiguration, mapping: Int, providers: [ProviderConfiguration]) {
    self.configuration = configuration
    self.mapping = mapping
    tokenUse =
      switch configuration.rule.authentication {
      case .none: .none
      case .optional: .optional
      case .required: .required
      }
    tokenCookies = configuration.providers.flatMap { provider in
      providers[provider].credentialSources.compactMap { source in
        if case .cookie(let name) = source { [UInt8](name.utf8) } else { nil }
      }
    }
  }
}
