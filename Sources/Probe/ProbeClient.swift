import Dispatch
import HTTP
import Sockets
import Synchronization
import TLS

/// Sends bytes to the gateway on a connection of their own, and reads until that closes.
enum ProbeClient {
  /// For one exchange, on a machine that has other things to do.
  private static let timeout: Duration = .seconds(10)

  /// Where requests are sent, and how.
  struct Way: Sendable {
    let address: SocketAddress
    /// nil: in clear.
    let context: TLSClientContext?
  }

  /// Waits for the response.
  ///
  /// - Returns: What came back; nil where it did not end in time.
  static func exchange(_ request: [UInt8], by way: Way, on loop: EventLoop) -> [UInt8]? {
    let outcome = Outcome()
    loop.async {
      let connection: ProbeClientConnection
      do {
        connection = try ProbeClientConnection(request, way, loop, outcome)
        try connection.start(timeout)
      } catch {
        outcome.end(nil)
      }
    }
    return outcome.wait()
  }

  fileprivate final class Outcome: Sendable {
    private let response = Mutex<[UInt8]?>(nil)
    private let ended = DispatchSemaphore(value: 0)

    func end(_ bytes: [UInt8]?) {
      response.withLock { $0 = bytes }
      ended.signal()
    }

    func wait() -> [UInt8]? {
      ended.wait()
      return response.withLock { $0 }
    }
  }
}

private final class ProbeClientConnection: Pollable {
  private var socket: Socket
  /// nil: it is spoken in clear.
  private var session: TLSSession?
  private var isShaking: Bool
  private var request: Buffer
  private var response: [UInt8] = []
  private let way: ProbeClient.Way
  private let loop: EventLoop
  private let outcome: ProbeClient.Outcome

  init(
    _ request: [UInt8], _ way: ProbeClient.Way, _ loop: EventLoop, _ outcome: ProbeClient.Outcome
  ) throws {
    let socket = try Socket.connect(to: way.address)
    if let context = way.context {
      session = try TLSSession(context, to: ProbedCertificates.host, ResumableSessions(), on: socket)
    } else {
      session = nil
    }
    isShaking = way.context != nil
    self.socket = socket
    self.request = Buffer(capacity: max(request.count, 1))
    self.request.append(request)
    self.way = way
    self.loop = loop
    self.outcome = outcome
  }

  func start(_ timeout: Duration) throws(SystemError) {
    try loop.register(self, descriptor: socket.descriptor, interest: .edge)
    loop.deadlines(after: timeout).arm(self)
  }

  override func deadlineExpired() { end(nil) }

  override func ready(_ events: ReadyEvents) {
    if isShaking {
      switch session?.handshake() ?? .left {
      case .done: isShaking = false
      case .wouldBlock: return
      case .left, .failed: return end(nil)
      }
    }
    while !request.isEmpty {
      guard case .bytes = write() else { break }
    }
    while true {
      switch read() {
      case .bytes: continue
      case .wouldBlock: return
      case .end, .failed:
        end(response)
        return
      }
    }
  }

  private func write() -> IOResult {
    guard way.context != nil else { return socket.write(&request) }
    let result = session?.write(request, from: 0, to: request.count) ?? .end
    if case .bytes(let count) = result { request.consume(count) }
    return result
  }

  /// Adds what has come to the response.
  private func read() -> IOResult {
    guard way.context != nil else {
      let piece = socket.readPiece()
      response += piece.bytes
      return piece.result
    }
    var buffer = Buffer(capacity: 32 * 1024)
    let result = session?.read(into: &buffer) ?? .end
    buffer.withReadable { response.append($0) }
    return result
  }

  private func end(_ bytes: [UInt8]?) {
    disarmDeadline()
    loop.unregister(self)
    session = nil
    socket.close()
    outcome.end(bytes)
  }
}
