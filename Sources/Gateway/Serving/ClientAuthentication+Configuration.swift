import Configuration
import OAuth

extension ClientAuthentication {
  /// - Parameter configured: nil: the client is a public one.
  init(_ configured: IntrospectionConfiguration.ClientAuthentication?) {
    switch configured {
    case nil: self = .none
    case .secretFile(let path): self = .secretFile(path)
    case .privateKeyFile(let path, let keyID, let audience):
      self = .privateKeyFile(path, keyID: keyID, audience: audience)
    }
  }
}
