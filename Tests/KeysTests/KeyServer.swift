import Glibc
import Sockets
import Synchronization

/// An issuer on a loopback port: answers each path with what the test says, and counts.
final class KeyServer: Sendable {
  struct Answer: Sendable {
    var status = "200 OK"
    var fields: [String] = []
    var body: [UInt8]
    /// How long it takes.
    var delay: Duration = .zero
    /// What Content-Length says, where it is not true.
    var announced: Int?

    static func text(_ text: String) -> Answer { Answer(body: Array(text.utf8)) }
  }

  private struct State {
    var answers: [String: Answer] = [:]
    /// The heads of requests, in their order.
    var requests: [String] = []
  }

  let port: UInt16
  private let descriptor: Int32
  private let state = Mutex(State())

  var url: String { "http://127.0.0.1:\(port)" }
  var requests: [String] { state.withLock { $0.requests } }

  init() throws {
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
    signal(SIGPIPE, SIG_IGN)
    // The thread ends with `stop`.
    BlockingWork.detach(name: "issuer") { [self] in serve() }
  }

  func answer(_ path: String, _ answer: Answer) { state.withLock { $0.answers[path] = answer } }

  /// Ends listening.
  func stop() { shutdown(descriptor, Int32(SHUT_RDWR)) }

  private func serve() {
    while true {
      let connection = accept(descriptor, nil, nil)
      guard connection >= 0 else { return }
      var head = [UInt8](repeating: 0, count: 4096)
      let count = unsafe head.withUnsafeMutableBytes { unsafe read(connection, $0.baseAddress, $0.count) }
      let request = String(decoding: head.prefix(max(count, 0)), as: UTF8.self)
      let path = request.split(separator: " ").dropFirst().first.map(String.init) ?? ""
      let answer = state.withLock { state in
        state.requests.append(request)
        return state.answers[path] ?? Answer(status: "404 Not Found", body: [])
      }
      if answer.delay > .zero { BlockingWork.sleep(answer.delay) }
      let length = answer.announced ?? answer.body.count
      let lines = ["HTTP/1.1 \(answer.status)", "Content-Length: \(length)"] + answer.fields + ["", ""]
      let bytes = Array(lines.joined(separator: "\r\n").utf8) + answer.body
      _ = unsafe bytes.withUnsafeBytes { unsafe write(connection, $0.baseAddress, $0.count) }
      close(connection)
    }
  }
}
