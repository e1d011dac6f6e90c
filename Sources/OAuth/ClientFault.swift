internal import Crypto
public import Sockets

/// Why the gateway cannot prove that it is the client. No secret is in it.
public enum ClientFault: Error, Sendable {
  case file(SystemError)
  /// Everyone can read, or change, the secret (SECURITY L-3).
  case secretIsOpen(String, mode: UInt32)
  /// Whoever is not the owner can read the private key (SECURITY K-8).
  case keyIsOpen(String, mode: UInt32)
  case foreignFile(String, FileOwner)
  case secretIsEmpty(String)
  /// No private key in PEM, or one that no algorithm here signs with.
  case keyUnusable(String)
  /// An RSA key that is too short or too long to sign with.
  case keySize(String, bits: Int)
  /// OpenSSL could not sign.
  case assertionNotMade
}

extension ClientFault: CustomStringConvertible {
  /// In words, for operators, with the command that mends it where there is one.
  public var description: String {
    switch self {
    case .file(let error): "\(error)"
    case .secretIsOpen(let path, let mode):
      "\(path) has mode \(String(mode, radix: 8)); nobody but its owner and group may use it: run chmod o= \(path)"
    case .keyIsOpen(let path, let mode):
      "\(path) has mode \(String(mode, radix: 8)); nobody but its owner may read it: run chmod go= \(path)"
    case .foreignFile(let path, let owner): "\(path) \(owner.distrust)"
    case .secretIsEmpty(let path): "\(path) is empty"
    case .keyUnusable(let path): "\(path) contains no unencrypted RSA, EC or Ed25519 private key in PEM"
    case .keySize(let path, let bits): "\(path) holds \(PublicKeyError.modulusSize(bits: bits).description)"
    case .assertionNotMade: "the client assertion could not be signed"
    }
  }
}
