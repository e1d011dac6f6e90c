import HTTP
import Sockets
import Synchronization

/// What upstreams were sent since it was last taken.
final class ReceivedBytes: Sendable {
  private struct State {
    var last = 0
    /// By connection; numbers are never used again.
    var connections: [Int: [UInt8]] = [:]
    var changed: Set<Int> = []
    var closed: Set<Int> = []
  }

  private let state = Mutex(State())

  /// - Returns: The number of the connection, to append to it.
  func begin() -> Int {
    state.withLock {
      $0.last += 1
      return $0.last
    }
  }

  /// - Returns: All that came on the connection.
  func append(_ bytes: [UInt8], to connection: Int) -> [UInt8] {
    state.withLock {
      $0.changed.insert(connection)
      $0.connections[connection, default: []] += bytes
      return $0.connections[connection] ?? []
    }
  }

  func close(_ connection: Int) { state.withLock { _ = $0.closed.insert(connection) } }

  /// All that came on each connection on which something came since; those that are open are told again with more.
  func take() -> [[UInt8]] {
    state.withLock { state in
      let taken = state.changed.sorted().compactMap { state.connections[$0] }
      for connection in state.closed { state.connections[connection] = nil }
      state.changed = []
      state.closed = []
      return taken
    }
  }
}

/// Stands for every upstream: keeps what it is sent, and answers 200.
final class ProbeUpstream: Pollable {
  private let socket: ListeningSocket
  private let received: ReceivedBytes
  private let loop: EventLoop
  private var connections: [ProbeUpstreamConnection] = []

  init(_ socket: ListeningSocket, _ received: ReceivedBytes, _ loop: EventLoop) {
    self.socket = socket
    self.received = received
    self.loop = loop
  }

  func start() throws(SystemError) {
    try loop.register(self, descriptor: socket.descriptor, interest: .readableLevel)
  }

  override func ready(_ events: ReadyEvents) { accept() }

  /// Reads what was sent by now, whatever the loop has seen of it.
  func drain() {
    accept()
    for connection in connections { connection.read() }
  }

  private func accept() {
    connections.removeAll(where: \.isClosed)
    while case .connection(let accepted, _) = socket.accept() {
      let connection = ProbeUpstreamConnection(accepted, received, loop)
      do throws(SystemError) {
        try loop.register(connection, descriptor: connection.descriptor, interest: .edge)
        connections.append(connection)
      } catch {
        // It closes, and the gateway says so.
        continue
      }
    }
  }
}

private final class ProbeUpstreamConnection: Pollable {
  private var socket: Socket
  private let received: ReceivedBytes
  private let number: Int
  private let loop: EventLoop
  private var hasAnswered = false
  private(set) var isClosed = false

  var descriptor: Int32 { socket.descriptor }

  init(_ socket: consuming Socket, _ received: ReceivedBytes, _ loop: EventLoop) {
    self.socket = socket
    self.received = received
    self.loop = loop
    number = received.begin()
  }

  override func ready(_ events: ReadyEvents) { read() }

  func read() {
    while !isClosed {
      let piece = socket.readPiece()
      switch piece.result {
      case .bytes: answer(received.append(piece.bytes, to: number))
      case .wouldBlock: return
      case .end, .failed:
        isClosed = true
        loop.unregister(self)
        socket.close()
        received.close(number)
      }
    }
  }

  private func answer(_ bytes: [UInt8]) {
    guard !hasAnswered, ArrivedRequest(bytes).isWhole else { return }
    hasAnswered = true
    var response = Buffer(capacity: 256)
    response.append("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    // A new connection has room for it.
    _ = socket.write(&response)
    socket.shutdownWrite()
  }
}

extension Socket {
  /// What has arrived, at most 16 KiB.
  func readPiece() -> (result: IOResult, bytes: [UInt8]) {
    var buffer = Buffer(capacity: 16 * 1024)
    let result = read(into: &buffer)
    return (result, buffer.withReadable { [UInt8]($0) })
  }
}
