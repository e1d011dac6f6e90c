import Configuration
import Sockets
import TLS

/// One server of an upstream, as one loop sees it: what all loops know of it, and this one's connections that are free.
final class UpstreamServer {
  let state: ServerState
  /// What its turn depends on (`ServerChoice`).
  var credit = 0
  /// Free connections; the one used last is taken first, so that those no longer needed age out.
  private var idle: [UpstreamConnection] = []
  /// With those of the loop's other servers.
  private let idleTogether: IdleConnections
  /// TLS sessions that new connections go on with; nil where it speaks in clear.
  private let sessions: ResumableSessions?
  /// The upstream is gone, or has this server no more: connections are no longer kept.
  private var isRetired = false

  init(_ state: ServerState, _ idleTogether: IdleConnections) {
    self.state = state
    self.idleTogether = idleTogether
    sessions = state.securedHost.map { _ in ResumableSessions() }
  }

  /// Begins to connect.
  ///
  /// - Parameter context: What is spoken where it speaks TLS.
  func connect(_ context: TLSClientContext?, on worker: Worker) throws(SystemError) -> ByteStream {
    switch state.target {
    case .address(let address): try ByteStream.connect(to: address, context, state.securedHost, sessions)
    case .builtin(let builtin):
      ByteStream(try builtin.connect(on: worker.loop, blocks: worker.context.blocks))
    }
  }

  /// A free connection; nil where there is none.
  func takeIdle() -> UpstreamConnection? {
    guard let connection = idle.popLast() else { return nil }
    idleTogether.give()
    return connection
  }

  /// Keeps a connection for the next request, where there is room.
  ///
  /// - Returns: Whether it was kept.
  func keepIdle(_ connection: UpstreamConnection) -> Bool {
    guard !isRetired, idle.count < Limits.idleUpstreamConnectionsMax, idleTogether.take() else { return false }
    changeIdle { $0.append(connection) }
    return true
  }

  /// Forgets a connection that closed while it was free.
  func removeIdle(_ connection: UpstreamConnection) {
    guard let index = idle.lastIndex(where: { $0 === connection }) else { return }
    changeIdle { $0.remove(at: index) }
    idleTogether.give()
  }

  /// Outside of its place: changed in it, each use of `idle` would be checked for exclusivity.
  private func changeIdle(_ change: (inout [UpstreamConnection]) -> Void) {
    var moved: [UpstreamConnection] = []
    swap(&moved, &idle)
    change(&moved)
    swap(&moved, &idle)
  }

  func retire() {
    isRetired = true
    let closing = idle
    idle = []
    idleTogether.give(closing.count)
    for connection in closing { connection.close() }
  }
}

extension ByteStream {
  /// Begins to connect to a server: by TLS where `host` says whose certificate it has to show.
  static func connect(
    to address: SocketAddress, _ context: TLSClientContext?, _ host: String?, _ sessions: ResumableSessions?
  ) throws(SystemError) -> ByteStream {
    let socket = try Socket.connect(to: address)
    guard let host else { return ByteStream(socket) }
    // An upstream with such a server has a context.
    guard let context, let sessions else { throw SystemError.noMemory("SSL_new") }
    do throws(TLSFault) {
      return try ByteStream(socket, context, to: host, sessions)
    } catch {
      throw SystemError.noMemory("SSL_new")
    }
  }
}
