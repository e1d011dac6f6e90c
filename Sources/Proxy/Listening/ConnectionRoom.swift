/// As many connections as the limit of open files has room for, whatever the configuration says.
///
/// Each client has one upstream connection at most while its requests are forwarded; those that carry nothing come on
/// top. A loop cannot close what another one keeps, so each has its share of these.
public struct ConnectionRoom: Sendable {
  /// Client connections, over all loops.
  public let clients: Int
  /// Upstream connections that carry nothing, for each loop.
  let idleUpstreamsPerLoop: Int

  /// No limit is known.
  public static let unlimited = ConnectionRoom(clients: .max, idleUpstreamsPerLoop: .max)

  private init(clients: Int, idleUpstreamsPerLoop: Int) {
    self.clients = clients
    self.idleUpstreamsPerLoop = idleUpstreamsPerLoop
  }

  /// - Parameter descriptors: For clients and upstreams together.
  public init(descriptors: Int, loops: Int) {
    let idle = max(descriptors, 0) / ConnectionRoom.idleFraction
    idleUpstreamsPerLoop = idle / max(loops, 1)
    clients = max((descriptors - idle) / 2, 1)
  }

  /// The descriptors that `clients` need, and what is idle beside them.
  public static func descriptors(forClients clients: Int) -> Int {
    let busy = clients * 2
    return busy + (busy - 1) / (idleFraction - 1)
  }

  /// One in so many descriptors is for upstream connections that carry nothing.
  private static let idleFraction = 9
}
