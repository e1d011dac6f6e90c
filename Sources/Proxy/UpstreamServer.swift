import Configuration
import Sockets

/// One server of an upstream, as one loop sees it: what all loops know of it, and this one's connections that are free.
final class UpstreamServer {
  let state: ServerState
  /// What its turn depends on (`ServerChoice`).
  var credit = 0
  /// Free connections; the one used last is taken first, so that those no longer needed age out.
  private var idle: [UpstreamConnection] = []
  /// The upstream is gone, or has this server no more: connections are no longer kept.
  private var isRetired = false

  init(_ state: ServerState) { self.state = state }

  /// A free connection; nil where there is none.
  func takeIdle() -> UpstreamConnection? { idle.popLast() }

  /// Keeps a connection for the next request, where there is room.
  ///
  /// - Returns: Whether it was kept.
  func keepIdle(_ connection: UpstreamConnection) -> Bool {
    guard !isRetired, idle.count < Limits.idleUpstreamConnectionsMax else { return false }
    idle.append(connection)
    return true
  }

  /// Forgets a connection that closed while it was free.
  func removeIdle(_ connection: UpstreamConnection) {
    if let index = idle.lastIndex(where: { $0 === connection }) { idle.remove(at: index) }
  }

  func retire() {
    isRetired = true
    let closing = idle
    idle = []
    for connection in closing { connection.close() }
  }
}
