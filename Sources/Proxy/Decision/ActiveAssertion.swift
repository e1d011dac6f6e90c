import Configuration
import Tokens

/// A route's `assertion`, for the loops.
struct ActiveAssertion: Sendable {
  /// The route's index.
  let route: Int
  /// The index of the provider whose key signs.
  let provider: Int
  let header: String
  let assertion: IdentityAssertion

  init(_ configuration: AssertionConfiguration, of route: RouteConfiguration, at index: Int, issuer: String) {
    self.route = index
    provider = configuration.provider
    header = configuration.header
    assertion = IdentityAssertion(
      issuer: issuer, audience: configuration.audience, route: route.name,
      lifetimeSeconds: configuration.lifetimeSeconds)
  }
}
