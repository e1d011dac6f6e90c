import Glibc
import Sockets

/// A server on a loopback port that gives each connection the same bytes and closes, as a broken or hostile issuer does.
final class OneAnswerServer: @unchecked Sendable {
  let port: UInt16
  private let descriptor: Int32

  init(_ answer: [UInt8], endlessly: Bool = false, pause: UInt32 = 0) throws {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        unsafe bind(descriptor, address, length) == 0 && listen(descriptor, 16) == 0
          && getsockname(descriptor, address, &length) == 0
      }
    }
    guard bound else { throw Failed() }
    port = UInt16(bigEndian: address.sin_port)
    self.descriptor = descriptor
    signal(SIGPIPE, SIG_IGN)
    BlockingWork.detach(name: "answers") {
      while true {
        let connection = accept(descriptor, nil, nil)
        guard connection >= 0 else { return }
        var request = [UInt8](repeating: 0, count: 4096)
        _ = unsafe request.withUnsafeMutableBytes { unsafe read(connection, $0.baseAddress, $0.count) }
        repeat {
          let sent = unsafe answer.withUnsafeBytes { unsafe write(connection, $0.baseAddress, $0.count) }
          if sent < 0 { break }
          if pause > 0 { usleep(pause) }
        } while endlessly
        close(connection)
      }
    }
  }

  /// Ends listening.
  func stop() { shutdown(descriptor, Int32(SHUT_RDWR)) }

  struct Failed: Error {}
}
