import Configuration
import Glibc
import Logging
import Proxy
import Sockets

/// What the system is told of this process before it serves.
extension Gateway {
  /// - Returns: What the limit of open files has room for.
  static func prepareProcess(_ configuration: GatewayConfiguration, _ log: Logger) -> DescriptorRoom {
    // A peer that is gone is an error of the call, not the end of the process.
    Process.ignore(signal: SIGPIPE)
    // A limit of the size of files is an error of the log that has reached it, and not the end of the gateway.
    Process.ignore(signal: SIGXFSZ)
    // Where it is ignored, the end of a child cannot be waited for.
    Process.restore(signal: SIGCHLD)
    Process.growHeapInSteps()
    if !Process.forbidCoreDumps() { log.warning("core dumps could not be disabled") }
    if configuration.log.access == .stdout, StandardStream.output.wasMissing {
      log.warning("standard output is closed: access lines are written nowhere")
    }
    let room = DescriptorRoom(limit: Int(clamping: Process.raiseDescriptorLimit()), configuration)
    room.warn(ofConnections: configuration.limits.connectionsMax, log)
    return room
  }
}
