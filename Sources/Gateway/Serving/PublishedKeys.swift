import Access
import Configuration
import Keys
import Proxy
import SignIn
import Tokens

/// Providers' public keys (RFC 7517 §5), for whoever verifies the tokens that this gateway issues.
enum PublishedKeys {
  /// One for each issuer's host, with the keys of all providers that sign for it.
  static func routes(_ configuration: GatewayConfiguration, _ keyStore: KeyStore) -> [LocalRoute] {
    keys(configuration, keyStore).map {
      LocalRoute($0.path, responder: PublishedDocument(IssuerKey.published($0.keys), .keySet))
    }
  }

  /// Has the routes of `routes` publish the keys of now.
  static func update(
    _ routes: [LocalRoute], _ configuration: GatewayConfiguration, _ keyStore: KeyStore
  ) {
    for (path, keys) in keys(configuration, keyStore) {
      for route in routes where route.path == path {
        (route.responder as? PublishedDocument)?.replace(with: IssuerKey.published(keys))
      }
    }
  }

  private static func keys(
    _ configuration: GatewayConfiguration, _ keyStore: KeyStore
  ) -> [(path: OwnPath, keys: [IssuerKey])] {
    var published: [(path: OwnPath, keys: [IssuerKey])] = []
    for provider in configuration.providers {
      let keys = keyStore.issuerKeys(provider: provider.name).map(\.key)
      guard !keys.isEmpty, let path = provider.publishedKeys else { continue }
      if let index = published.firstIndex(where: { $0.path == path }) {
        published[index].keys += keys
      } else {
        published.append((path, keys))
      }
    }
    return published
  }
}
