import Glibc
import Sockets
import Synchronization

/// A server on a loopback port that keeps connections open, one after the other, and remembers what was asked.
final class RecordingServer: Sendable {
  let port: UInt16
  private let descriptor: Int32
  private let answer: [UInt8]
  private let fate: Fate
  private let state = Mutex((requests: [String](), connections: 0))

  var requests: [String] { state.withLock { $0.requests } }
  var connections: Int { state.withLock { $0.connections } }

  /// What becomes of a connection after an answer.
  enum Fate: Sendable { case kept, closed }

  init(_ answer: String, then fate: Fate = .kept) throws {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        unsafe bind(descriptor, address, length) == 0 && listen(descriptor, 16) == 0
          && getsockname(descriptor, address, &length) == 0
      }
    }
    guard isBound else { throw SystemError(call: "bind", code: errno) }
    port = UInt16(bigEndian: address.sin_port)
    self.descriptor = descriptor
    self.answer = Array(answer.utf8)
    self.fate = fate
    signal(SIGPIPE, SIG_IGN)
    BlockingWork.detach(name: "records") { [self] in
      while true {
        let connection = accept(descriptor, nil, nil)
        guard connection >= 0 else { return }
        state.withLock { $0.connections += 1 }
        BlockingWork.detach(name: "connection") { [self] in serve(connection) }
      }
    }
  }

  /// Ends listening.
  func stop() { shutdown(descriptor, Int32(SHUT_RDWR)) }

  private func serve(_ connection: Int32) {
    var received: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65_536)
    while true {
      if let length = RecordingServer.requestLength(received) {
        let request = String(decoding: received.prefix(length), as: UTF8.self)
        state.withLock { $0.requests.append(request) }
        received.removeFirst(length)
        _ = unsafe answer.withUnsafeBytes { unsafe write(connection, $0.baseAddress, $0.count) }
        if fate == .closed { break }
        continue
      }
      let count = unsafe piece.withUnsafeMutableBytes { unsafe read(connection, $0.baseAddress, $0.count) }
      guard count > 0 else { break }
      received += piece.prefix(count)
    }
    close(connection)
  }

  /// Bytes of the whole request at the start of `bytes`; nil where it is not all there.
  private static func requestLength(_ bytes: [UInt8]) -> Int? {
    let end = Array("\r\n\r\n".utf8)
    guard bytes.count >= 4,
      let blank = (0...bytes.count - 4).first(where: { bytes[$0..<$0 + 4].elementsEqual(end) })
    else { return nil }
    let head = String(decoding: bytes[..<blank], as: UTF8.self)
    let line = head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("content-length:") }
    let content = line.flatMap { Int($0.dropFirst(15).drop { $0 == " " }) } ?? 0
    return bytes.count >= blank + 4 + content ? blank + 4 + content : nil
  }
}
