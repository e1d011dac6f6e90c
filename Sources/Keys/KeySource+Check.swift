internal import Sockets

extension KeySource {
  /// Reads what of the keys is on this machine. Fetches nothing, and makes nothing.
  ///
  /// - Throws: Where a gateway could not start with it, or never reach the issuer.
  public func check() throws(KeyFault) {
    switch location {
    case .none: break
    case .jwksURL, .discovery:
      if let certificateAuthorityFile { try KeyFile.checkCertificates(certificateAuthorityFile) }
    case .jwksFile(let path): _ = try KeyFile.keySet(path)
    case .secretFile(let path): _ = try KeyFile.secret(path)
    case .signingSecret(let file, let former, let algorithm):
      _ = try SigningSecret.load(file, former: former, algorithm)
    case .signing(let folder, let algorithm):
      _ = try SigningFolder(path: folder, provider: provider, algorithm: algorithm).load()
    }
  }
}
