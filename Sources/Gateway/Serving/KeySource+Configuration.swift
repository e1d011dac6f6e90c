import Configuration
import Keys
import Tokens

extension KeySource {
  /// Where the keys of every provider of `configuration` come from, in their order.
  static func all(of configuration: GatewayConfiguration) -> [KeySource] {
    configuration.providers.map { KeySource($0) }
  }

  init(_ provider: ProviderConfiguration) {
    let location: Location =
      switch provider.keys {
      case .none: .none
      case .jwksURL(let url): .jwksURL(url)
      case .discovery: .discovery
      case .jwksFile(let path): .jwksFile(path)
      case .secretFile(let path): .secretFile(path)
      case .signing(let folder, let algorithm): .signing(folder: folder, algorithm)
      case .signingSecret(_, let file, let former, let algorithm):
        .signingSecret(file: file, former: former, algorithm)
      }
    self.init(
      provider: provider.name, issuer: provider.policy.issuer, location: location,
      certificateAuthorityFile: provider.certificateAuthorityFile, refreshEvery: provider.refreshEvery,
      staleFor: provider.staleFor, cacheFile: provider.keyCacheFile,
      rotation: provider.keyRotation.map { KeyRotation(every: $0.every, keepFor: $0.keepFor) })
  }
}

extension ProviderConfiguration {
  /// Whether its keys are somebody else's, and fetched.
  var fetchesKeys: Bool {
    switch keys {
    case .jwksURL, .discovery: true
    case .jwksFile, .secretFile, .signing, .signingSecret, .none: false
    }
  }
}
