import CSystem
import Glibc

extension SystemError {
  /// What `strerror` says of `code`.
  static func text(_ code: Int32) -> String {
    var bytes = [CChar](repeating: 0, count: 128)
    // SAFETY: the call writes at most `count` bytes, NUL included, into the array that it borrows exclusively.
    unsafe bytes.withUnsafeMutableBufferPointer { text in
      if let base = text.baseAddress { unsafe csystem_error_text(code, base, text.count) }
    }
    let length = bytes.firstIndex(of: 0) ?? bytes.count
    return String(decoding: bytes[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// The error of the call that just failed.
  static func last(_ call: String) -> SystemError { SystemError(call: call, code: errno) }
}
