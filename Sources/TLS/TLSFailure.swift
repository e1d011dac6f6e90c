internal import COpenSSL

/// Why a handshake failed.
enum TLSFailure {
  /// What OpenSSL's error queue says, in snake case; it is empty afterwards.
  @unsafe
  static func text(_ ssl: OpaquePointer) -> String {
    let code = ERR_peek_error()
    defer { ERR_clear_error() }
    guard code != 0 else { return "connection_closed" }
    if portcullis_error_reason(code) == SSL_R_CERTIFICATE_VERIFY_FAILED {
      return unsafe snakeCase(X509_verify_cert_error_string(SSL_get_verify_result(ssl)))
    }
    return unsafe snakeCase(ERR_reason_error_string(code))
  }

  /// - Parameter text: One of OpenSSL's own constants.
  @unsafe
  private static func snakeCase(_ text: UnsafePointer<CChar>?) -> String {
    guard let text = unsafe text else { return "unknown" }
    var words: [UInt8] = []
    for byte in unsafe String(cString: text).utf8 {
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): words.append(byte | 0x20)
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): words.append(byte)
      default: if words.last != UInt8(ascii: "_") { words.append(UInt8(ascii: "_")) }
      }
    }
    return String(decoding: words, as: UTF8.self)
  }
}
