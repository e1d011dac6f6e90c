import Glibc
import Sockets
import Synchronization
import TestSupport

/// An issuer on a loopback port: answers each path with what the test says, and counts.
final class KeyServer: Sendable {
  struct Response: Sendable {
    var status = "200 OK"
    var fields: [String] = []
    var body: [UInt8]
    /// How long it takes.
    var delay: Duration = .zero
    /// What Content-Length says, where it is not true.
    var announced: Int?

    static func text(_ text: String) -> Response { Response(body: Array(text.utf8)) }
  }

  private struct State {
    var responses: [String: Response] = [:]
    /// The heads of requests, in their order.
    var requests: [String] = []
  }

  private let listener: LoopbackListener
  private let state = Mutex(State())

  var port: UInt16 { listener.port }
  var url: String { "http://127.0.0.1:\(port)" }
  var requests: [String] { state.withLock { $0.requests } }

  init() throws {
    listener = try LoopbackListener()
    // The thread ends with `stop`.
    listener.forEachConnection { [self] connection in serve(connection) }
  }

  func answer(_ path: String, _ response: Response) { state.withLock { $0.responses[path] = response } }

  /// Ends listening.
  func stop() { listener.stop() }

  private func serve(_ connection: Int32) {
    var head = [UInt8](repeating: 0, count: 4096)
    let count = unsafe head.withUnsafeMutableBytes { unsafe read(connection, $0.baseAddress, $0.count) }
    let request = String(decoding: head.prefix(max(count, 0)), as: UTF8.self)
    let path = request.split(separator: " ").dropFirst().first.map(String.init) ?? ""
    let response = state.withLock { state in
      state.requests.append(request)
      return state.responses[path] ?? Response(status: "404 Not Found", body: [])
    }
    if response.delay > .zero { BlockingWork.sleep(response.delay) }
    let length = response.announced ?? response.body.count
    let lines = ["HTTP/1.1 \(response.status)", "Content-Length: \(length)"] + response.fields + ["", ""]
    let bytes = Array(lines.joined(separator: "\r\n").utf8) + response.body
    _ = unsafe bytes.withUnsafeBytes { unsafe write(connection, $0.baseAddress, $0.count) }
    close(connection)
  }
}
