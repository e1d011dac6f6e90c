import Configuration
import Introspection
import OAuth

extension IntrospectionEndpoint {
  /// What every provider of `configuration` is asked at, in their order; nil where nothing is asked.
  static func all(of configuration: GatewayConfiguration) -> [IntrospectionEndpoint?] {
    configuration.providers.map { provider in
      provider.introspection.map { IntrospectionEndpoint($0, of: provider) }
    }
  }

  init(_ introspection: IntrospectionConfiguration, of provider: ProviderConfiguration) {
    self.init(
      url: introspection.url, clientID: introspection.clientID,
      authentication: ClientAuthentication(introspection.clientAuthentication),
      certificateAuthorityFile: provider.certificateAuthorityFile, policy: provider.policy,
      cacheSeconds: introspection.cacheSeconds)
  }
}
