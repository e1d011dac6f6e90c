import Configuration
import OAuth

extension ClientAuthentication {
  /// - Parameter configured: nil: the client is a public one.
  init(_ configured: IntrospectionConfiguration.ClientAuthentication?) {
    switch configured {
    case nil: self = .none
    case .secretFile(let file): self = .secretFile(file.path)
    case .privateKeyFile(let file, let keyID, let audience):
      self = .privateKeyFile(file.path, keyID: keyID, audience: audience)
    }
  }
}
