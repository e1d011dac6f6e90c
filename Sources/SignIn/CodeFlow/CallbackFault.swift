public import Crypto

/// Why what a browser brings back from the provider is not accepted (SECURITY C-5, C-7). The browser is told only
/// `callback_invalid`, as the reason would help those who try.
public enum CallbackFault: Error, Sendable, Hashable {
  /// A parameter is missing, empty, repeated or too long, no text, or a code stands beside an error.
  case malformed
  /// `iss` is another provider's, or missing where the provider says that it sends it (RFC 9207 §2.4).
  case issuerMismatch
  /// The state was not sealed here for this provider, or was changed.
  case stateForeign
  /// The browser has no cookie for the state.
  case cookieMissing
  /// The cookie was not sealed here for this provider, or was changed.
  case cookieForeign
  /// It took longer than `CodeFlow.secondsMax`, or began in the future.
  case tooOld
  /// The browser's cookie in its place is another state's.
  case stateMismatch
  /// The state was used before.
  case replayed
  /// OpenSSL failed, so that it could not be verified.
  case crypto(CryptoError)

  /// Whether neither an old bookmark nor a slow user explains it.
  public var mayBeAnAttack: Bool {
    switch self {
    case .issuerMismatch, .cookieForeign, .stateMismatch, .replayed: true
    case .malformed, .stateForeign, .cookieMissing, .tooOld, .crypto: false
    }
  }
}

extension CallbackFault: CustomStringConvertible {
  /// For operators: the reason, without any value that was sent.
  public var description: String {
    switch self {
    case .malformed: "a parameter is missing, empty, repeated or too long, or a code stands beside an error"
    case .issuerMismatch: "iss is another issuer's, or missing (RFC 9207)"
    case .stateForeign: "the state was not made here"
    case .cookieMissing: "the browser has no cookie for the state"
    case .cookieForeign: "the cookie was not sealed here, or was changed"
    case .tooOld: "it took longer than ten minutes, or began in the future"
    case .stateMismatch: "the state is not the one that the browser was sent with"
    case .replayed: "it came before"
    case .crypto(let error): error.description
    }
  }
}
