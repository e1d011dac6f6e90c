internal import COpenSSL
import Glibc

/// How long ago the certificates behind a session were verified.
///
/// A session of TLS 1.3 that goes on brings others (RFC 8446 §4.6.1), and OpenSSL gives each a time of its own, so that
/// a row of them would have no end. What stands here in the session is kept by OpenSSL in those that follow from it; a
/// server has it in its tickets, sealed.
enum SessionAge {
  /// In seconds. Then there is a whole handshake again, and the certificates are looked at.
  static let max = 12 * 3600

  /// The time of day, in seconds.
  static let clock: @Sendable () -> Int = { time(nil) }

  /// Has `session` keep `now` as its beginning, unless it follows from another.
  ///
  /// - Returns: false where there is no memory for it.
  @unsafe
  static func begin(_ session: OpaquePointer, now: Int) -> Bool {
    if unsafe beginning(of: session) != nil { return true }
    var seconds = Int64(now)
    return unsafe SSL_SESSION_set1_ticket_appdata(session, &seconds, MemoryLayout<Int64>.size) == 1
  }

  /// Whether it may still be gone on with.
  @unsafe
  static func isGood(_ session: OpaquePointer, now: Int) -> Bool {
    guard let beginning = unsafe beginning(of: session) else { return false }
    return beginning <= now && now - beginning < max
  }

  @unsafe
  private static func beginning(of session: OpaquePointer) -> Int? {
    var data: UnsafeMutableRawPointer?
    var count = 0
    guard unsafe SSL_SESSION_get0_ticket_appdata(session, &data, &count) == 1, let data = unsafe data,
      count == MemoryLayout<Int64>.size
    else { return nil }
    // SAFETY: OpenSSL says how many bytes stand there.
    return unsafe Int(data.loadUnaligned(as: Int64.self))
  }
}
