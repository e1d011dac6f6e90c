import CSystem
import Glibc

extension SystemError {
  /// What `strerror` says of `code`.
  static func text(_ code: Int32) -> String {
    var bytes = [CChar](repeating: 0, count: 128)
    // SAFETY: strerror_r writes at most `count` bytes into the array that this call borrows exclusively.
    let failed = unsafe bytes.withUnsafeMutableBufferPointer { text in
      guard let base = text.baseAddress else { return true }
      return unsafe __xpg_strerror_r(code, base, text.count) != 0
    }
    if failed { return "error \(code)" }
    let length = bytes.firstIndex(of: 0) ?? bytes.count
    return String(decoding: bytes[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// The error of the call that just failed.
  static func last(_ call: String) -> SystemError { SystemError(call: call, code: errno) }
}
