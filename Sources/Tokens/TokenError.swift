public import Crypto
internal import JSON
public import Reason

/// Why a token is refused.
public struct TokenError: Error, Sendable {
  /// What is wrong, as far as it was looked at: the first fault in the order of work.
  public enum Fault: Sendable, Equatable {
    case tooLarge(bytesMax: Int)
    /// Not three parts, or one that is no canonical base64url.
    case malformed
    /// Five parts, or a JSON serialization.
    case encrypted
    case headerInvalid
    /// `crit`, `b64`, `cty` or `zip`.
    case extensionRefused(String)
    case typeRefused(expected: String)
    /// The `token_type` that the issuer names (RFC 7662 §2.2).
    case tokenTypeRefused(found: String)
    case algorithmRefused(allowed: [SignatureAlgorithm])
    case keyMismatch
    case keyUnknown
    case keysUnavailable
    case signatureInvalid
    /// OpenSSL failed before the signature could be checked.
    case crypto(CryptoError)
    case claimsInvalid
    case claimMissing(String)
    case claimMalformed(String)
    case issuerUnknown(found: String)
    case audienceMismatch(found: [String])
    case expired(at: UnixSeconds)
    case notYetValid(until: UnixSeconds)
    case issuedInFuture(at: UnixSeconds)
    /// Issued longer ago than the policy lets a token live.
    case tooOld(issuedAt: UnixSeconds)
  }

  /// The fault that was found first.
  public let fault: Fault
  /// The header's `kid`, where it was read. The sender's word: not to be believed, and to be escaped.
  public let keyID: String?
  /// Who the token is about, where its claims are believed: its signature held, or its issuer stated them. nil: they are
  /// not, they do not say, or they are another issuer's.
  public let subject: String?

  init(_ fault: Fault, keyID: String? = nil, subject: String? = nil) {
    self.fault = fault
    self.keyID = keyID
    self.subject = subject
  }

  /// The reason for the response and the access log.
  public var reason: Reason {
    switch fault {
    case .tooLarge: .tokenTooLarge
    case .malformed: .tokenMalformed
    case .encrypted: .tokenEncrypted
    case .headerInvalid: .tokenHeaderInvalid
    case .extensionRefused: .tokenExtensionRefused
    case .typeRefused, .tokenTypeRefused: .tokenTypeRefused
    case .algorithmRefused: .algorithmRefused
    case .keyMismatch: .keyMismatch
    case .keyUnknown: .keyUnknown
    case .keysUnavailable: .keysUnavailable
    case .signatureInvalid: .signatureInvalid
    case .crypto: .internalError
    case .claimsInvalid: .claimsInvalid
    case .claimMissing: .claimMissing
    case .claimMalformed: .claimMalformed
    case .issuerUnknown: .issuerUnknown
    case .audienceMismatch: .audienceMismatch
    case .expired: .tokenExpired
    case .notYetValid: .tokenNotYetValid
    case .issuedInFuture: .tokenIssuedInFuture
    case .tooOld: .tokenTooOld
    }
  }
}

extension TokenError: CustomStringConvertible {
  /// In words, for the one who asks about a token of their own. What the token says of itself is quoted: it may be made
  /// to be shown on a terminal.
  public var description: String {
    switch fault {
    case .tooLarge(let bytesMax): "the token is longer than \(bytesMax) bytes"
    case .malformed: "not a compact JWS: three parts of canonical base64url, joined by dots, are needed"
    case .encrypted: "an encrypted token, or a JWS that is not in compact serialization"
    case .headerInvalid: "the header is not a strict JSON object, or a member of it has the wrong type"
    case .extensionRefused(let member):
      "the header's \(JSONValue.quoted(member)) asks for something that is not supported here"
    case .typeRefused(let expected): "the header's \"typ\" is not \(expected)"
    case .tokenTypeRefused(let found): "the token is of the type \(JSONValue.quoted(found)), not Bearer or DPoP"
    case .algorithmRefused(let allowed):
      "the header's \"alg\" is not allowed"
        + (allowed.isEmpty ? "" : "; allowed: \(allowed.map(\.rawValue).joined(separator: ", "))")
    case .keyMismatch: "the header's \"alg\" does not fit the key"
    case .keyUnknown: "no key has the token's \"kid\""
    case .keysUnavailable: "the provider has no usable keys"
    case .signatureInvalid: "the signature does not hold"
    case .crypto(let error): "the signature could not be checked: \(error)"
    case .claimsInvalid: "the payload is not a strict JSON object"
    case .claimMissing(let name): "the claim \"\(name)\" is missing"
    case .claimMalformed(let name): "the claim \"\(name)\" has the wrong type or an impossible value"
    case .issuerUnknown(let found): "the issuer is \(JSONValue.quoted(found))"
    case .audienceMismatch(let found):
      "the audience is \(found.isEmpty ? "empty" : found.map(JSONValue.quoted).joined(separator: ", "))"
    case .expired(let time): "expired at \(time)"
    case .notYetValid(let time): "not valid before \(time)"
    case .issuedInFuture(let time): "issued in the future, at \(time)"
    case .tooOld(let time): "issued too long ago, at \(time)"
    }
  }
}
