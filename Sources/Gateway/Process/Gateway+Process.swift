import Configuration
import Glibc
import Logging
import Proxy
import Sockets

/// What the system is told of this process before it serves.
extension Gateway {
  /// - Returns: As many connections as the limit of open files has room for.
  static func prepareProcess(_ configuration: GatewayConfiguration, _ log: Logger) -> ConnectionRoom {
    // A peer that is gone is an error of the call, not the end of the process.
    Process.ignore(signal: SIGPIPE)
    // A limit of the size of files is an error of the log that has reached it, and not the end of the gateway.
    Process.ignore(signal: SIGXFSZ)
    // Where it is ignored, the end of a child cannot be waited for.
    Process.restore(signal: SIGCHLD)
    Process.growHeapInSteps()
    if !Process.forbidCoreDumps() { log.warning("core dumps could not be disabled") }
    let limit = Int(clamping: Process.raiseDescriptorLimit())
    guard limit > 0 else { return .unlimited }
    let others = descriptorsForOthers(configuration, limit)
    let wanted = configuration.limits.connectionsMax
    // Clients that send nothing would take the last from those who do.
    let room = ConnectionRoom(descriptors: limit - others, loops: configuration.workers)
    if room.clients < wanted {
      log.warning(
        """
        the limit of open files has room for fewer than limits.connections, and accepting pauses when those are open: \
        raise it (ulimit -Hn, LimitNOFILE), or lower limits.connections
        """,
        metadata: [
          "limit": "\(limit)", "connections": "\(room.clients)",
          "needed": "\(ConnectionRoom.descriptors(forClients: wanted) + others)",
        ])
    }
    return room
  }

  /// Descriptors that are not for clients and what is forwarded for them: those that are open, what each loop has, and
  /// some for keys, issuers, databases, health checks and operators.
  private static func descriptorsForOthers(_ configuration: GatewayConfiguration, _ limit: Int) -> Int {
    let ofLoop = configuration.listeners.count + 4
    return Int(clamping: ProcessUsage.current.openDescriptors) + (configuration.workers + 1) * ofLoop
      + min(256, limit / 4)
  }
}
