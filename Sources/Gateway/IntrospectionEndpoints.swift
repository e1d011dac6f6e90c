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
    let authentication: ClientAuthentication =
      switch introspection.clientAuthentication {
      case .secretFile(let path): .secretFile(path)
      case .privateKeyFile(let path, let keyID, let audience):
        .privateKeyFile(path, keyID: keyID, audience: audience)
      }
    self.init(
      url: introspection.url, clientID: introspection.clientID, authentication: authentication,
      certificateAuthorityFile: provider.certificateAuthorityFile, policy: provider.policy,
      cacheSeconds: introspection.cacheSeconds)
  }
}
