import Glibc
import Sockets
import Synchronization
import TestSupport

/// A server on a loopback port that keeps connections open, one after the other, and remembers what was asked.
final class RecordingServer: Sendable {
  private let listener: LoopbackListener
  private let response: [UInt8]
  private let fate: Fate
  private let state = Mutex((requests: [String](), connections: 0))

  var port: UInt16 { listener.port }
  var requests: [String] { state.withLock { $0.requests } }
  var connections: Int { state.withLock { $0.connections } }

  /// What becomes of a connection after a response.
  enum Fate: Sendable { case kept, closed }

  init(_ response: String, then fate: Fate = .kept) throws {
    listener = try LoopbackListener()
    self.response = Array(response.utf8)
    self.fate = fate
    listener.forEachConnection { [self] connection in
      state.withLock { $0.connections += 1 }
      BlockingWork.detach(name: "connection") { [self] in serve(connection) }
    }
  }

  /// Ends listening.
  func stop() { listener.stop() }

  private func serve(_ connection: Int32) {
    var received: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65_536)
    while true {
      if let length = RecordingServer.requestLength(received) {
        let request = String(decoding: received.prefix(length), as: UTF8.self)
        state.withLock { $0.requests.append(request) }
        received.removeFirst(length)
        _ = unsafe response.withUnsafeBytes { unsafe write(connection, $0.baseAddress, $0.count) }
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
