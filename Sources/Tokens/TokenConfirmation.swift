internal import Crypto

/// What a token is bound to: whoever sends it has to show that they hold it (RFC 7800 §3.1, `cnf`).
public enum TokenConfirmation: Sendable, Equatable {
  /// To nothing: whoever has the token may use it (RFC 6750 §1.2).
  case unbound
  /// To the key with this SHA-256 JWK thumbprint of 32 bytes (RFC 9449 §6.1, `jkt`).
  case key(thumbprint: [UInt8])
  /// To the certificate with this SHA-256 thumbprint of 32 bytes (RFC 8705 §3.1, `x5t#S256`).
  case certificate(thumbprint: [UInt8])
  /// To something that is not checked here, to several things at once, or in a way that has no sense.
  case unsupported

  /// - Parameter claim: The value of `cnf`. A null is a value too.
  init(_ claim: ClaimValue) {
    guard case .object(let members) = claim, members.count == 1, let member = members.first,
      case .string(let text) = member.value, let thumbprint = Base64URL.decode(text),
      thumbprint.count == HashFunction.sha256.digestBytes
    else {
      self = .unsupported
      return
    }
    if member.name.isSameBytes(as: "jkt") {
      self = .key(thumbprint: thumbprint)
    } else if member.name.isSameBytes(as: "x5t#S256") {
      self = .certificate(thumbprint: thumbprint)
    } else {
      self = .unsupported
    }
  }

  /// Whether a client with this certificate may use the token (RFC 8705 §3). Where the token is bound to no certificate,
  /// each may, as far as certificates go.
  ///
  /// - Parameter presented: The SHA-256 thumbprint of the certificate of the TLS connection; nil: the client has shown
  ///   none.
  public func allows(certificate presented: [UInt8]?) -> Bool {
    guard case .certificate(let thumbprint) = self else { return true }
    guard let presented else { return false }
    return ConstantTime.areEqual(presented.span, thumbprint.span)
  }
}
