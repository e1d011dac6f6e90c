/// How a changed configuration is taken.
public struct ReloadConfiguration: Sendable, Hashable {
  /// Whether the files are looked at, and a change is taken without a signal.
  public var isWatching = false
  /// How long a configuration is on trial, and may be taken back; nil: it never is.
  public var canary: Duration?

  /// How long a trial may be.
  public static let canaryRange = Duration.seconds(10) ... .seconds(86_400)
}

extension GatewayConfiguration {
  /// Files that are read by a reload and not looked at otherwise: this one, and those that it names for TLS, for keys and
  /// for the secrets of clients.
  public var filesRead: [String] {
    var files = [file]
    for tls in listeners.compactMap(\.tls) {
      for certificate in tls.certificates {
        files += [certificate.chain.path, certificate.key.path] + [certificate.staple?.path].compactMap(\.self)
      }
      if let clients = tls.clients { files.append(clients.authorities.path) }
    }
    for tls in upstreams.map(\.tls) {
      if let authorities = tls.authorities { files.append(authorities.path) }
      if let certificate = tls.certificate { files += [certificate.chain.path, certificate.key.path] }
    }
    for provider in providers {
      switch provider.keys {
      case .jwksFile(let path), .secretFile(let path): files.append(path)
      case .signingSecret(_, let file, let former, _): files += [file] + former
      case .none, .jwksURL, .discovery, .signing: break
      }
      if let path = provider.certificateAuthorityFile { files.append(path) }
      for client in [provider.introspection?.clientAuthentication, provider.codeFlow?.clientAuthentication] {
        switch client {
        case .secretFile(let path), .privateKeyFile(let path, _, _): files.append(path)
        case nil: break
        }
      }
    }
    return files.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
  }
}
