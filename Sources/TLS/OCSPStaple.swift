internal import COpenSSL
import Glibc

/// An OCSP response that is stapled to a certificate (RFC 6960, RFC 6066 §8): what it says of it, read and checked.
/// Whether its signature holds is for clients to see.
public struct OCSPStaple: Sendable, Equatable {
  /// In DER.
  let response: [UInt8]
  /// After this it is out of date, in seconds since 1970; nil: it does not say when.
  private let nextUpdate: Int?

  /// Whether it is still to be shown: a client may refuse one that is out of date, and the connection with it.
  public var isCurrent: Bool { nextUpdate.map { $0 > time(nil) } ?? true }

  /// - Parameter response: In DER.
  init(_ response: [UInt8], for certificate: borrowing X509Certificate) throws(TLSFault) {
    self.response = response
    defer { ERR_clear_error() }
    let decoded = unsafe response.withUnsafeBufferPointer { bytes -> OpaquePointer? in
      var next = bytes.baseAddress
      return unsafe d2i_OCSP_RESPONSE(nil, &next, bytes.count)
    }
    guard let decoded = unsafe decoded else { throw .stapleInvalid }
    defer { unsafe OCSP_RESPONSE_free(decoded) }
    guard unsafe OCSP_response_status(decoded) == OCSP_RESPONSE_STATUS_SUCCESSFUL,
      let basic = unsafe OCSP_response_get1_basic(decoded)
    else { throw .stapleInvalid }
    defer { unsafe OCSP_BASICRESP_free(basic) }
    for index in 0..<(unsafe OCSP_resp_count(basic)) {
      guard let single = unsafe OCSP_resp_get0(basic, index),
        unsafe OCSPStaple.isAbout(OCSP_SINGLERESP_get0_id(single), certificate)
      else { continue }
      nextUpdate = unsafe OCSPStaple.nextUpdate(of: single)
      return
    }
    throw .stapleForeign
  }

  /// Whether `identifier` names the certificate: by its number, and its issuer's name (RFC 6960 §4.1.1).
  @unsafe
  private static func isAbout(_ identifier: OpaquePointer?, _ certificate: borrowing X509Certificate) -> Bool {
    var name: UnsafeMutablePointer<ASN1_OCTET_STRING>?
    var algorithm: OpaquePointer?
    var serial: UnsafeMutablePointer<ASN1_INTEGER>?
    guard
      unsafe OCSP_id_get0_info(&name, &algorithm, nil, &serial, identifier) == 1,
      unsafe ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(certificate.pointer)) == 0,
      let hash = unsafe EVP_get_digestbyname(OBJ_nid2sn(OBJ_obj2nid(algorithm)))
    else { return false }
    var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var count: UInt32 = 0
    guard unsafe X509_NAME_digest(X509_get_issuer_name(certificate.pointer), hash, &digest, &count) == 1 else {
      return false
    }
    // SAFETY: OpenSSL says how many bytes stand there.
    let named = unsafe UnsafeBufferPointer(start: ASN1_STRING_get0_data(name), count: Int(ASN1_STRING_length(name)))
    return unsafe named.elementsEqual(digest.prefix(Int(count)))
  }

  @unsafe
  private static func nextUpdate(of single: OpaquePointer) -> Int? {
    var next: UnsafeMutablePointer<ASN1_GENERALIZEDTIME>?
    unsafe OCSP_single_get0_status(single, nil, nil, nil, &next)
    var days: Int32 = 0
    var seconds: Int32 = 0
    guard let next = unsafe next else { return nil }
    // One that cannot be read is over.
    guard unsafe ASN1_TIME_diff(&days, &seconds, nil, next) == 1 else { return 0 }
    return time(nil) + Int(days) * 86_400 + Int(seconds)
  }
}
