public import Crypto

/// Why what a browser brings back from the provider is not taken (SECURITY C-5, C-7). The browser is told no more than
/// `callback_invalid`: which of them it is says something to whoever tries.
public enum CallbackFault: Error, Sendable, Hashable {
  /// A parameter is missing, empty, repeated or too long, no text, or a code stands beside an error.
  case malformed
  /// `iss` is another provider's, or missing where the provider says that it sends it (RFC 9207 §2.4).
  case issuerMismatch
  /// The browser has no cookie for the state.
  case cookieMissing
  /// The cookie was not sealed here for this provider, or was changed.
  case cookieForeign
  /// The way took longer than `CodeFlow.secondsMax`, or began in the future.
  case tooOld
  /// The state is not the one that the browser was sent with.
  case stateMismatch
  /// The way was gone to its end before.
  case replayed
  /// Nobody could say.
  case crypto(CryptoError)

  /// Whether no bookmark and no slow person explains it.
  public var mayBeAnAttack: Bool {
    switch self {
    case .issuerMismatch, .cookieForeign, .stateMismatch, .replayed: true
    case .malformed, .cookieMissing, .tooOld, .crypto: false
    }
  }
}

extension CallbackFault: CustomStringConvertible {
  public var description: String {
    switch self {
    case .malformed: "a parameter is missing, empty, repeated or too long, or a code stands beside an error"
    case .issuerMismatch: "iss is another issuer's, or missing (RFC 9207)"
    case .cookieMissing: "the browser has no cookie for the state"
    case .cookieForeign: "the cookie was not sealed here, or was changed"
    case .tooOld: "it took longer than ten minutes, or began in the future"
    case .stateMismatch: "the state is not the one that the browser was sent with"
    case .replayed: "it came before"
    case .crypto(let error): error.description
    }
  }
}
