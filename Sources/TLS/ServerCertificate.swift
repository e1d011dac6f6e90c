internal import COpenSSL

/// A certificate that a listener shows, with its key: read and checked.
public struct ServerCertificate: Sendable, Equatable {
  private let certifiedKey: CertifiedKey
  /// An OCSP response in DER that is stapled to it (RFC 6066 §8).
  let staple: [UInt8]?
  /// The hosts that it is for.
  public let names: CertificateNames

  /// What its dates said when it was read.
  public var validity: CertifiedKey.Validity { certifiedKey.validity }

  /// - Parameters:
  ///   - chainPEM: The certificate first, then those that lead to an authority that clients trust.
  ///   - keyPEM: Its private key, not encrypted.
  ///   - staple: An OCSP response in DER.
  public init(chainPEM: [UInt8], keyPEM: [UInt8], staple: [UInt8]? = nil) throws(TLSFault) {
    certifiedKey = try CertifiedKey(chainPEM: chainPEM, keyPEM: keyPEM)
    self.staple = staple
    names = try certifiedKey.names()
    guard !names.isEmpty else { throw .noNames }
    if let staple { try ServerCertificate.check(staple) }
  }

  /// Has `context` show it.
  func serve(from context: SSLContext) throws(TLSFault) { try certifiedKey.show(from: context) }

  private static func check(_ staple: [UInt8]) throws(TLSFault) {
    defer { ERR_clear_error() }
    let response = unsafe staple.withUnsafeBufferPointer { bytes -> OpaquePointer? in
      var next = bytes.baseAddress
      return unsafe d2i_OCSP_RESPONSE(nil, &next, bytes.count)
    }
    guard let response = unsafe response else { throw .stapleInvalid }
    defer { unsafe OCSP_RESPONSE_free(response) }
    guard unsafe OCSP_response_status(response) == OCSP_RESPONSE_STATUS_SUCCESSFUL else { throw .stapleInvalid }
  }
}
