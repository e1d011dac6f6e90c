import Crypto
import Tokens

/// Proof Key for Code Exchange (RFC 7636): who redeems a code shows that it was asked for here.
struct ProofKey: Sendable {
  /// `code_verifier` (§4.1): 43 characters of base64url.
  let verifier: String

  static let method = "S256"

  /// `code_challenge` (§4.2).
  func challenge() throws(CryptoError) -> String {
    Base64URL.text(try HashFunction.sha256.digest(of: verifier.utf8Span.span))
  }
}
