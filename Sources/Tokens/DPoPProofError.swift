public import Crypto
public import Reason

/// Why a request is not believed to come from the holder of its token's key (RFC 9449 §4.3). One case for each fault;
/// the first in the order of work.
public enum DPoPProofError: Error, Sendable, Equatable {
  /// No DPoP field line.
  case missing
  /// More than one.
  case repeated(fieldLines: Int)
  /// Longer than `DPoPProof.bytesMax`.
  case tooLarge
  /// No compact JWS: not three parts, or one that is no canonical base64url.
  case malformed
  /// The header is no strict JSON object.
  case headerInvalid
  /// `typ` is not `dpop+jwt`.
  case typeRefused
  /// `crit`, `b64`, `cty` or `zip`.
  case extensionRefused(String)
  /// `alg` is absent, unknown, or one of those that sign with a shared secret.
  case algorithmRefused
  /// `jwk` is no public key that is accepted here.
  case keyInvalid(UnusedKey)
  /// The payload is no strict JSON object.
  case claimsInvalid
  case claimMissing(String)
  /// The claim has the wrong type, or an impossible value.
  case claimMalformed(String)
  /// `htm` is not the request's method.
  case methodMismatch
  /// `htu` is not the request's target URI.
  case targetMismatch
  /// `iat` lies further back than `DPoPProof.ageMaxSeconds`, or `exp` has passed.
  case expired
  /// `iat` or `nbf` lies in the future.
  case notYetValid
  /// `ath` is not the hash of the token.
  case tokenMismatch
  /// `jwk` is not the key that the token is bound to.
  case keyNotBound
  /// `alg` does not fit `jwk`.
  case keyMismatch
  /// The signature is not that of `jwk`.
  case signatureInvalid
  /// OpenSSL failed before the proof could be checked.
  case crypto(CryptoError)

  /// `proofMissing`; `internalError` if OpenSSL failed; `proofInvalid` for every other fault.
  public var reason: Reason {
    switch self {
    case .missing: .proofMissing
    case .repeated, .tooLarge, .malformed, .headerInvalid, .typeRefused, .extensionRefused, .algorithmRefused,
      .keyInvalid, .claimsInvalid, .claimMissing, .claimMalformed, .methodMismatch, .targetMismatch, .expired,
      .notYetValid, .tokenMismatch, .keyNotBound, .keyMismatch, .signatureInvalid:
      .proofInvalid
    case .crypto: .internalError
    }
  }
}
