import Configuration
import HTTP
import Keys
import Proxy
import Synchronization
import Tokens

/// Answers with a provider's public keys (RFC 7517 §5), for whoever verifies the tokens that this gateway issues.
final class PublishedKeys: Responder, Sendable {
  private let keySet: Mutex<[UInt8]>

  init(_ keys: [IssuerKey]) { keySet = Mutex(IssuerKey.published(keys)) }

  /// Publishes other keys from now on.
  func replace(with keys: [IssuerKey]) {
    let text = IssuerKey.published(keys)
    keySet.withLock { $0 = text }
  }

  func respond(to request: LocalRequest, completion: @escaping @Sendable (LocalResponse) -> Void) {
    guard request.method == "GET" || request.method == "HEAD" else {
      completion(LocalResponse(status: 405, fields: [("Allow", "GET, HEAD")], body: []))
      return
    }
    completion(
      LocalResponse(
        status: 200,
        fields: [("Content-Type", "application/jwk-set+json"), ("Cache-Control", "public, max-age=300")],
        body: keySet.withLock { $0 }))
  }

  /// One for each issuer's host, with the keys of all providers that sign for it.
  static func routes(_ configuration: GatewayConfiguration, _ keyStore: KeyStore) -> [LocalRoute] {
    keys(configuration, keyStore).map {
      LocalRoute(host: $0.host, path: ProviderConfiguration.publishedKeysPath, responder: PublishedKeys($0.keys))
    }
  }

  /// Has the routes of `routes` publish the keys of now.
  static func update(
    _ routes: [LocalRoute], _ configuration: GatewayConfiguration, _ keyStore: KeyStore
  ) {
    for (host, keys) in keys(configuration, keyStore) {
      for route in routes where route.host == host { (route.responder as? PublishedKeys)?.replace(with: keys) }
    }
  }

  private static func keys(
    _ configuration: GatewayConfiguration, _ keyStore: KeyStore
  ) -> [(host: String?, keys: [IssuerKey])] {
    var published: [(host: String?, keys: [IssuerKey])] = []
    for provider in configuration.providers {
      let keys = keyStore.issuerKeys(provider: provider.name).map(\.key)
      guard !keys.isEmpty else { continue }
      if let index = published.firstIndex(where: { $0.host == provider.issuerHost }) {
        published[index].keys += keys
      } else {
        published.append((provider.issuerHost, keys))
      }
    }
    return published
  }
}
