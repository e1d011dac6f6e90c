public import Access
import Tokens

extension GatewayConfiguration {
  /// What the gateway answers itself, before any route is asked. Where proxies ask (`forward_auth`) is none of them.
  public var ownPaths: [OwnPath] {
    var paths = providers.flatMap { $0.pagePaths + $0.metadataPaths }
    // Providers with one issuer's host publish their keys together.
    for path in providers.compactMap(\.publishedKeys) where !paths.contains(path) { paths.append(path) }
    return paths + protectedResources.map(\.metadata)
  }
}

extension ProviderConfiguration {
  /// Where people sign in (`sign_in`, `code_flow`), and everything below, on each of its hosts.
  public var pagePaths: [OwnPath] {
    guard let pages = signInPages else { return [] }
    return pages.hosts.map { OwnPath(host: $0, path: pages.path, reach: .below) }
  }

  /// The names of what is under its `pagePaths`.
  public var pageNames: [String] {
    if signIn != nil { return SignInPage.allCases.map(\.rawValue) }
    return codeFlow == nil ? [] : CodeFlowPage.allCases.map(\.rawValue)
  }

  /// Where the documents of an issuer are at whose pages people sign in.
  public var metadataPaths: [OwnPath] {
    guard signIn != nil else { return [] }
    return IssuerDocuments.paths(ofIssuer: policy.issuer).map { OwnPath(host: issuerHost, path: $0) }
  }

  /// Where the keys are that its tokens are verified with (RFC 7517 §5); nil where it signs none.
  public var publishedKeys: OwnPath? {
    signingAlgorithm == nil ? nil : OwnPath(host: issuerHost, path: ProviderConfiguration.publishedKeysPath)
  }
}

extension ProtectedResource {
  /// Where its metadata is (RFC 9728 §3.1).
  public var metadata: OwnPath { OwnPath(host: host, path: metadataPath) }
}

extension ForwardAuthConfiguration {
  /// Where proxies ask, before anything else is looked at: never folded, whatever the host.
  public var ownPath: OwnPath { OwnPath(host: nil, path: path) }
}
