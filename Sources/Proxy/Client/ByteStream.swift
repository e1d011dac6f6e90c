import Glibc
import Sockets
import TLS
import Tokens

/// What a connection reads and writes, a client's or an upstream's: a socket, or TLS on it. Nothing behind it knows which.
struct ByteStream: ~Copyable {
  private var socket: Socket
  private var session: TLSSession?
  let isSecured: Bool
  private var ignoresInput = false

  init(_ socket: consuming Socket) {
    self.socket = socket
    session = nil
    isSecured = false
  }

  /// To a client.
  ///
  /// - Parameter context: What is spoken; its handshake comes before everything else.
  init(_ socket: consuming Socket, _ context: TLSContext) throws(TLSFault) {
    session = try TLSSession(context, on: socket)
    self.socket = socket
    isSecured = true
  }

  /// To a server.
  ///
  /// - Parameters:
  ///   - context: What is spoken; its handshake comes before everything else.
  ///   - host: What the server's certificate has to be for.
  ///   - sessions: Of this host and context alone.
  init(
    _ socket: consuming Socket, _ context: TLSClientContext, to host: String, _ sessions: ResumableSessions
  ) throws(TLSFault) {
    session = try TLSSession(context, to: host, sessions, on: socket)
    self.socket = socket
    isSecured = true
  }

  var descriptor: Int32 { socket.descriptor }

  /// What became of connecting: nil when it succeeded.
  var connectionError: SystemError? { socket.connectionError }

  // MARK: In front of TLS

  /// Appends what has arrived to `buffer`, and leaves it to be read again.
  func peekInClear(into buffer: inout Buffer) -> IOResult { socket.peek(into: &buffer) }

  /// Takes `most` bytes that `peekInClear` has shown.
  func readInClear(into buffer: inout Buffer, most: Int) { _ = socket.read(into: &buffer, most: most) }

  // MARK: TLS

  /// Goes on with the handshake. Only where it is secured.
  mutating func handshake() -> HandshakeStep { session?.handshake() ?? .left }

  /// What the handshake with a client has shown; nil where there was none.
  func securedConnection() -> SecuredConnection? {
    switch session {
    case .none: nil
    case .some(let session):
      session.servedCertificate.map {
        SecuredConnection(
          names: $0.names, thumbprint: session.clientCertificateThumbprint,
          clientCertificate: session.clientCertificate.map(CertificateNaming.init))
      }
    }
  }

  /// A read failed as the server closed the connection, and not with TLS's own end.
  var isCut: Bool {
    switch session {
    case .none: false
    case .some(let session): session.isCut
    }
  }

  /// Why it failed, where it was TLS that did.
  var failure: String? {
    switch session {
    case .none: nil
    case .some(let session): session.failure
    }
  }

  /// A read goes on once there is room to write.
  var readWantsRoom: Bool {
    switch session {
    case .none: false
    case .some(let session): session.readWantsRoom
    }
  }
  /// A write goes on once there is something to read.
  var writeWantsInput: Bool {
    switch session {
    case .none: false
    case .some(let session): session.writeWantsInput
    }
  }

  // MARK: Bytes

  /// Sends what is readable in `buffer`, and consumes what was taken.
  mutating func write(_ buffer: inout Buffer) -> IOResult {
    let result = write(buffer, from: 0, to: buffer.count)
    if case .bytes(let count) = result { buffer.consume(count) }
    return result
  }

  /// Sends the readable bytes `lower..<upper` of `buffer`, without consuming them. What was not taken comes first the
  /// next time.
  mutating func write(_ buffer: borrowing Buffer, from lower: Int, to upper: Int) -> IOResult {
    if isSecured { return session?.write(buffer, from: lower, to: upper) ?? .failed(EPIPE) }
    return socket.write(buffer, from: lower, to: upper)
  }

  /// Bytes on the wire that the peer's system has not acknowledged yet.
  var unacknowledgedBytes: Int { socket.unacknowledgedBytes }

  // MARK: The end

  /// What the peer still sends is of no use: it is read as it stands in the socket, and nobody decrypts it.
  mutating func ignoreInput() { ignoresInput = true }

  /// Says that no more is sent; the peer reads an end.
  ///
  /// - Returns: false where there is no room to say it: to be called again.
  mutating func end() -> Bool {
    if isSecured, session?.end() == false { return false }
    socket.shutdownWrite()
    return true
  }

  /// Closes; what was not sent yet is still sent.
  ///
  enum End {
    /// Nothing that was begun is cut, and the peer is told so.
    case whole
    case cut
  }

  mutating func close(_ end: End) {
    if isSecured, end == .whole { _ = session?.end() }
    session = nil
    socket.close()
  }

  /// Closes with a reset: the peer sees that the message was cut.
  mutating func abort() {
    session = nil
    socket.abort()
  }
}

extension ByteStream: ByteSource {
  mutating func read(into buffer: inout Buffer) -> IOResult {
    if isSecured, !ignoresInput { return session?.read(into: &buffer) ?? .failed(EPIPE) }
    return socket.read(into: &buffer)
  }

  var isEmptyAfterShortRead: Bool { !isSecured }
}
