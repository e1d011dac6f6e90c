import Dispatch
import Sockets
import Synchronization

/// Sends bytes to the gateway on a connection of their own, and reads until that closes.
enum ProbeClient {
  /// For one exchange, on a machine that has other things to do.
  private static let timeout: Duration = .seconds(10)

  /// Waits for the answer.
  ///
  /// - Returns: What came back; nil where it did not end in time.
  static func exchange(_ request: [UInt8], with address: SocketAddress, on loop: EventLoop) -> [UInt8]? {
    let outcome = Outcome()
    loop.async {
      let connection: ProbeClientConnection
      do throws(SystemError) {
        connection = try ProbeClientConnection(request, address, loop, outcome)
        try connection.start(timeout)
      } catch {
        outcome.end(nil)
      }
    }
    return outcome.wait()
  }

  fileprivate final class Outcome: Sendable {
    private let answer = Mutex<[UInt8]?>(nil)
    private let ended = DispatchSemaphore(value: 0)

    func end(_ bytes: [UInt8]?) {
      answer.withLock { $0 = bytes }
      ended.signal()
    }

    func wait() -> [UInt8]? {
      ended.wait()
      return answer.withLock { $0 }
    }
  }
}

private final class ProbeClientConnection: Pollable {
  private var socket: Socket
  private var request: Buffer
  private var answer: [UInt8] = []
  private let loop: EventLoop
  private let outcome: ProbeClient.Outcome

  init(
    _ request: [UInt8], _ address: SocketAddress, _ loop: EventLoop, _ outcome: ProbeClient.Outcome
  ) throws(SystemError) {
    socket = try Socket.connect(to: address)
    self.request = Buffer(capacity: max(request.count, 1))
    self.request.append(request)
    self.loop = loop
    self.outcome = outcome
  }

  func start(_ timeout: Duration) throws(SystemError) {
    try loop.register(self, descriptor: socket.descriptor, interest: .edge)
    loop.deadlines(after: timeout).arm(self)
  }

  override func deadlineExpired() { end(nil) }

  override func ready(_ events: ReadyEvents) {
    while !request.isEmpty {
      guard case .bytes = socket.write(&request) else { break }
    }
    while true {
      let piece = socket.readPiece()
      answer += piece.bytes
      switch piece.result {
      case .bytes: continue
      case .wouldBlock: return
      case .end, .failed:
        end(answer)
        return
      }
    }
  }

  private func end(_ bytes: [UInt8]?) {
    disarmDeadline()
    loop.unregister(self)
    socket.close()
    outcome.end(bytes)
  }
}
