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

  /// nil where it is none that was ever made here.
  init?(_ text: String) {
    guard let bytes = Base64URL.decode(text), bytes.count == RefreshToken.familyBytes + RefreshToken.ownBytes else {
      return nil
    }
    self.init(bytes)
  }

  private init?(_ bytes: [UInt8]) {
    let family = Array(bytes.prefix(RefreshToken.familyBytes))
    guard let familyHash = try? HashFunction.sha256.digest(of: family.span),
      let whole = try? HashFunction.sha256.digest(of: bytes.span)
    else { return nil }
    self.family = family
    text = Base64URL.text(bytes)
    hash = RefreshTokenHash(family: familyHash, whole: whole)
  }

  /// The first of a sign-in; nil where OpenSSL fails.
  static func first() -> RefreshToken? {
    (try? RandomBytes.make(familyBytes + ownBytes)).flatMap { RefreshToken($0) }
  }

  /// The one that replaces it; nil where OpenSSL fails.
  var next: RefreshToken? { (try? RandomBytes.make(RefreshToken.ownBytes)).flatMap { RefreshToken(family + $0) } }
}
