/// Why a text is no password hash that is used here. It holds nothing of the hash but its scheme and its cost.
public enum PasswordHashError: Error, Sendable, Equatable, CustomStringConvertible {
  /// A scheme that is too weak, or that nobody here can compute; what it is called.
  case refusedScheme(String)
  /// No hash of a known scheme: a password perhaps.
  case unknown
  /// The scheme's mark, and then something else than it has.
  case malformed(PasswordHash.Scheme)
  /// So much work that it would stand still, or so little that it is none.
  case costRefused(PasswordHash.Scheme, found: String, accepted: String)
  /// A password that cannot be hashed: its length in bytes is outside `PasswordHash.passwordBytes`, or it holds a NUL.
  case passwordRefused
  /// libxcrypt or OpenSSL failed: there was no memory.
  case failed

  /// In words, for whoever configured the hash or typed the password.
  public var description: String {
    switch self {
    case .refusedScheme(let name):
      "a hash of \(name), which is not accepted; use yescrypt, bcrypt or sha512crypt: \(PasswordHashError.instead)"
    case .unknown: "not a yescrypt, bcrypt or sha512crypt password hash; \(PasswordHashError.instead)"
    case .malformed(let scheme): "a damaged hash of \(scheme.rawValue); \(PasswordHashError.instead)"
    case .costRefused(let scheme, let found, let accepted):
      "a hash of \(scheme.rawValue) with \(found); \(accepted) is accepted"
    case .passwordRefused:
      "a password has \(PasswordHash.passwordBytes.lowerBound) to \(PasswordHash.passwordBytes.upperBound) bytes, no NUL"
    case .failed: "the password could not be hashed"
    }
  }

  private static let instead = "\"portcullis user password\" makes one"
}
