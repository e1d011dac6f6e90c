import Configuration
import HTTP
import Keys
import Proxy
import Tokens

/// Answers with a provider's public keys (RFC 7517 §5), for whoever verifies the tokens that this gateway issues.
final class PublishedKeys: Responder, Sendable {
  private let keySet: [UInt8]

  init(_ keys: [IssuerKey]) { keySet = IssuerKey.published(keys) }

  func respond(to request: LocalRequest, completion: @escaping (LocalResponse) -> Void) {
    guard request.method == "GET" || request.method == "HEAD" else {
      completion(LocalResponse(status: 405, fields: [("Allow", "GET, HEAD")], body: []))
      return
    }
    completion(
      LocalResponse(
        status: 200,
        fields: [("Content-Type", "application/jwk-set+json"), ("Cache-Control", "public, max-age=300")],
        body: keySet))
  }

  /// One for each provider that signs, on its issuer's host.
  static func routes(_ configuration: GatewayConfiguration, _ keyStore: KeyStore) -> [LocalRoute] {
    configuration.providers.compactMap { provider in
      let keys = keyStore.issuerKeys(provider: provider.name)
      guard !keys.isEmpty else { return nil }
      return LocalRoute(
        host: provider.issuerHost, path: ProviderConfiguration.publishedKeysPath,
        responder: PublishedKeys(keys.map(\.key)))
    }
  }
}
