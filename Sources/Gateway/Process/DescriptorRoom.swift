import Configuration
import Logging
import Proxy
import Sockets

/// What the limit of open files has room for, as the process was when it started.
struct DescriptorRoom {
  /// As many as there may be.
  let connections: ConnectionRoom
  /// 0: it is not known.
  private let limit: Int
  /// Descriptors that are not for clients and what is forwarded for them: those that are open, what each loop has, and
  /// some for keys, issuers, databases, health checks and operators.
  private let others: Int

  init(limit: Int, _ configuration: GatewayConfiguration) {
    self.limit = limit
    let ofLoop = configuration.listeners.count + 4
    others =
      Int(clamping: ProcessUsage.current.openDescriptors) + (configuration.workers + 1) * ofLoop + min(256, limit / 4)
    // Clients that send nothing would take the last from those who do.
    connections =
      limit > 0 ? ConnectionRoom(descriptors: limit - others, loops: configuration.workers) : .unlimited
  }

  /// Says where `limits.connections` is more than there is room for.
  func warn(ofConnections wanted: Int, _ log: Logger) {
    guard connections.clients < wanted else { return }
    log.warning(
      """
      the limit of open files has room for fewer than limits.connections, and accepting pauses when those are open: \
      raise it (ulimit -Hn, LimitNOFILE), or lower limits.connections
      """,
      metadata: [
        "limit": "\(limit)", "connections": "\(connections.clients)",
        "needed": "\(ConnectionRoom.descriptors(forClients: wanted) + others)",
      ])
  }
}
