import Glibc
import TestSupport

/// A server on a loopback port that gives each connection the same bytes and closes, as a broken or hostile issuer does.
final class OneResponseServer: Sendable {
  private let listener: LoopbackListener
  var port: UInt16 { listener.port }

  init(_ response: [UInt8], endlessly: Bool = false, pause: UInt32 = 0) throws {
    listener = try LoopbackListener()
    listener.forEachConnection { connection in
      var request = [UInt8](repeating: 0, count: 4096)
      _ = unsafe request.withUnsafeMutableBytes { unsafe read(connection, $0.baseAddress, $0.count) }
      repeat {
        let sent = unsafe response.withUnsafeBytes { unsafe write(connection, $0.baseAddress, $0.count) }
        if sent < 0 { break }
        if pause > 0 { usleep(pause) }
      } while endlessly
      close(connection)
    }
  }

  /// Ends listening.
  func stop() { listener.stop() }
}
