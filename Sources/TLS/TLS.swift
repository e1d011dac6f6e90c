/// Module `TLS`: OpenSSL's SSL made safe: certificates, session tickets, and connections that are encrypted.
/// May import: COpenSSL, Sockets, Synchronization.
/// Never does: let a pointer out, verify less than it was told to, or repeat what a peer has sent.

/// Why something cannot be used for TLS.
public enum TLSFault: Error, Equatable, Sendable {
  /// There is no certificate in PEM.
  case noCertificate
  /// A certificate of the chain cannot be read.
  case chainInvalid
  /// There is no private key in PEM, or it is encrypted.
  case noKey
  /// The key is not that of the certificate.
  case keyMismatch
  /// The certificate, or one of its chain, is weaker than 112 bits: RSA of less than 2048 bits, a signature by SHA-1.
  case tooWeak
  /// The certificate has no subject alternative name that is a host's: it is for no host.
  case noNames
  /// There is no OCSP response in DER that says anything (RFC 6960 §4.2).
  case stapleInvalid
  /// The OCSP response is about other certificates.
  case stapleForeign
  /// OpenSSL failed although nothing from outside can make it fail: no memory, most likely. The call, as its manual
  /// page is named.
  case failed(String)
}

/// The oldest version that is spoken.
public enum TLSVersion: Sendable, Hashable {
  /// RFC 5246, with AEAD suites and forward secrecy alone (RFC 9325 §4.2).
  case tls12
  /// RFC 8446.
  case tls13
}
