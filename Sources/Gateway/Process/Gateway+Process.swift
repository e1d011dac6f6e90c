import Configuration
import Glibc
import Logging
import Sockets

/// What the system is told of this process before it serves.
extension Gateway {
  static func prepareProcess(_ configuration: GatewayConfiguration, _ log: Logger) {
    // A peer that is gone is an error of the call, not the end of the process.
    Process.ignore(signal: SIGPIPE)
    // Where it is ignored, the end of a child cannot be waited for.
    Process.restore(signal: SIGCHLD)
    Process.growHeapInSteps()
    if !Process.forbidCoreDumps() { log.warning("core dumps could not be forbidden") }
    let descriptors = Process.raiseDescriptorLimit()
    let needed = UInt64(configuration.limits.connectionsMax) * 2
    if descriptors < needed {
      log.warning(
        """
        the limit of open files is below twice limits.connections, and accepting pauses when it is reached: raise it \
        (ulimit -Hn, LimitNOFILE), or lower limits.connections
        """,
        metadata: ["limit": "\(descriptors)", "needed": "\(needed)"])
    }
  }
}
