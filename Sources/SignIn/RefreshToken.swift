import Crypto
import State
import Tokens

/// A refresh token: 256 random bits behind 128 that all tokens of a sign-in share, in base64url. Hashes of it are kept
/// (SECURITY C-10).
struct RefreshToken: Sendable {
  let text: String
  let hash: RefreshTokenHash
  private let family: [UInt8]

  private static let familyBytes = 16
  private static let ownBytes = 32

  /// nil if no token made here looks so.
  init?(_ text: String) throws(CryptoError) {
    guard let bytes = Base64URL.decode(text), bytes.count == RefreshToken.familyBytes + RefreshToken.ownBytes else {
      return nil
    }
    try self.init(bytes: bytes)
  }

  private init(bytes: [UInt8]) throws(CryptoError) {
    let family = Array(bytes.prefix(RefreshToken.familyBytes))
    let familyHash = try HashFunction.sha256.digest(of: family.span)
    hash = RefreshTokenHash(family: familyHash, whole: try HashFunction.sha256.digest(of: bytes.span))
    text = Base64URL.text(bytes)
    self.family = family
  }

  /// The first of a sign-in.
  static func first() throws(CryptoError) -> RefreshToken {
    try RefreshToken(bytes: RandomBytes.make(familyBytes + ownBytes))
  }

  /// The one that replaces it.
  func next() throws(CryptoError) -> RefreshToken {
    try RefreshToken(bytes: family + RandomBytes.make(RefreshToken.ownBytes))
  }
}
