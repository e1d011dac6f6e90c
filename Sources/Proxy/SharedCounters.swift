import Synchronization

/// What all loops count together.
final class SharedCounters: Sendable {
  private let connections = Atomic<Int>(0)
  let perAddress = ConnectionsPerAddress()

  /// Client connections that are open.
  var openConnections: Int { connections.load(ordering: .relaxed) }

  func connectionOpened() { connections.add(1, ordering: .relaxed) }
  func connectionClosed() { connections.subtract(1, ordering: .relaxed) }
}
