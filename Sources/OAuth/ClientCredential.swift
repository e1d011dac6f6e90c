internal import Crypto
internal import Sockets
internal import Tokens

/// What the gateway proves with that it is the client, read from its file.
enum ClientCredential: Sendable {
  case none
  case secret([UInt8])
  /// `audience` is nil where the endpoint's URL is it.
  case key(IssuerKey, keyID: String, audience: String?)

  private static let bytesMax = 64 * 1024

  init(_ authentication: ClientAuthentication) throws(ClientFault) {
    switch authentication {
    case .none: self = .none
    case .secretFile(let path): self = .secret(try ClientCredential.secret(path))
    case .privateKeyFile(let path, let keyID, let audience):
      let key = try ClientCredential.key(path)
      self = .key(key, keyID: keyID ?? key.keyID, audience: audience)
    }
  }

  /// The file's bytes, without the line end that editors leave behind.
  private static func secret(_ path: String) throws(ClientFault) -> [UInt8] {
    let contents = try read(path)
    // The group may read it: that is how secrets are mounted for a service.
    guard contents.mode & 0o007 == 0 else { throw .secretIsOpen(path, mode: contents.mode) }
    var bytes = contents.bytes
    if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
    if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
    guard !bytes.isEmpty else { throw .secretIsEmpty(path) }
    return bytes
  }

  private static func key(_ path: String) throws(ClientFault) -> IssuerKey {
    let contents = try read(path)
    guard contents.isOwnedByUs else { throw .foreignFile(path, contents.owner) }
    // Where root lends it, the group that it chose may read it.
    let others: UInt32 = contents.isLentByRoot ? 0o037 : 0o077
    guard contents.mode & others == 0 else { throw .keyIsOpen(path, mode: contents.mode) }
    do throws(SigningKeyError) {
      let key = try SigningKey(pem: contents.bytes)
      guard let algorithm = algorithms.first(where: { key.publicKey.fits($0.scheme) }) else { throw .unsupported }
      return try IssuerKey(key, algorithm: algorithm)
    } catch {
      if case .modulusSize(let bits) = error { throw .keySize(path, bits: bits) }
      throw .keyUnusable(path)
    }
  }

  /// What each kind of key signs with. Every server that takes RSA takes RS256 (RFC 7518 §3.1).
  private static let algorithms: [SignatureAlgorithm] = [.rs256, .es256, .es384, .es512, .eddsa]

  private static func read(_ path: String) throws(ClientFault) -> FileAccess.Contents {
    do throws(SystemError) {
      return try FileAccess.read(path, bytesMax: bytesMax)
    } catch {
      throw .file(error)
    }
  }
}
