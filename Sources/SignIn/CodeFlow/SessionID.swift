import Crypto
import Tokens

/// What a session's cookie holds: 256 random bits in base64url. The store knows its hash alone, and what is sealed for
/// the session can be opened with it alone.
struct SessionID: Sendable {
  let text: String
  /// SHA-256 of the bits.
  let hash: [UInt8]
  private let bits: [UInt8]

  private static let tokensPurpose = "tokens of a session"

  static func random() throws(CryptoError) -> SessionID { try SessionID(bits: RandomBytes.make(CodeFlow.sessionBytes)) }

  /// nil if no session made here is called so.
  init?(_ text: String) throws(CryptoError) {
    guard let bits = Base64URL.decode(text), bits.count == CodeFlow.sessionBytes else { return nil }
    try self.init(bits: bits)
  }

  private init(bits: [UInt8]) throws(CryptoError) {
    self.bits = bits
    text = Base64URL.text(bits)
    hash = try HashFunction.sha256.digest(of: bits.span)
  }

  func seal(_ tokens: SessionTokens) throws(CryptoError) -> [UInt8] {
    guard let secret = SealingSecret(bits) else { throw .failed("SealingSecret") }
    return try secret.seal(tokens.serialized.span, as: SessionID.tokensPurpose)
  }

  /// nil where they were sealed for another session.
  func open(_ sealed: [UInt8]) throws(CryptoError) -> SessionTokens? {
    guard let secret = SealingSecret(bits) else { throw .failed("SealingSecret") }
    return try secret.open(sealed.span, as: SessionID.tokensPurpose).flatMap { SessionTokens($0) }
  }
}
