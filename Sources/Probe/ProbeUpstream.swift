import Sockets
import Synchronization

/// What upstreams were sent since it was last taken, one entry for each connection.
final class ReceivedBytes: Sendable {
  private let connections = Mutex<[[UInt8]]>([])

  /// - Returns: The number of the connection, to append to it.
  func begin() -> Int {
    connections.withLock {
      $0.append([])
      return $0.count - 1
    }
  }

  /// - Returns: All that came on the connection; nothing where it was taken meanwhile.
  func append(_ bytes: [UInt8], to connection: Int) -> [UInt8] {
    connections.withLock {
      guard $0.indices.contains(connection) else { return [] }
      $0[connection] += bytes
      return $0[connection]
    }
  }

  func take() -> [[UInt8]] {
    connections.withLock { connections in
      defer { connections = [] }
      return connections.filter { !$0.isEmpty }
    }
  }
}

/// Stands for every upstream: keeps what it is sent, and answers 200.
final class ProbeUpstream: Pollable {
  private let socket: ListeningSocket
  private let received: ReceivedBytes
  private let loop: EventLoop

  init(_ socket: ListeningSocket, _ received: ReceivedBytes, _ loop: EventLoop) {
    self.socket = socket
    self.received = received
    self.loop = loop
  }

  func start() throws(SystemError) {
    try loop.register(self, descriptor: socket.descriptor, interest: .readableLevel)
  }

  override func ready(_ events: ReadyEvents) {
    guard case .connection(let accepted, _) = socket.accept() else { return }
    let connection = ProbeUpstreamConnection(accepted, received, loop)
    // Where it cannot be watched it closes, and the gateway says so.
    try? loop.register(connection, descriptor: connection.descriptor, interest: .edge)
  }
}

private final class ProbeUpstreamConnection: Pollable {
  private var socket: Socket
  private let received: ReceivedBytes
  private let number: Int
  private let loop: EventLoop
  private var hasAnswered = false

  var descriptor: Int32 { socket.descriptor }

  init(_ socket: consuming Socket, _ received: ReceivedBytes, _ loop: EventLoop) {
    self.socket = socket
    self.received = received
    self.loop = loop
    number = received.begin()
  }

  override func ready(_ events: ReadyEvents) {
    while true {
      let piece = socket.readPiece()
      switch piece.result {
      case .bytes: answer(received.append(piece.bytes, to: number))
      case .wouldBlock: return
      case .end, .failed:
        loop.unregister(self)
        socket.close()
        return
      }
    }
  }

  private func answer(_ bytes: [UInt8]) {
    guard !hasAnswered, ArrivedRequest(bytes).isWhole else { return }
    hasAnswered = true
    var answer = Buffer(capacity: 256)
    answer.append("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    // A new connection has room for it.
    _ = socket.write(&answer)
    socket.shutdownWrite()
  }
}

extension Socket {
  /// What has arrived, at most 16 KiB.
  func readPiece() -> (result: Transfer, bytes: [UInt8]) {
    var buffer = Buffer(capacity: 16 * 1024)
    let result = read(into: &buffer)
    var bytes: [UInt8] = []
    buffer.withReadable { span in for index in span.indices { bytes.append(span[index]) } }
    return (result, bytes)
  }
}
