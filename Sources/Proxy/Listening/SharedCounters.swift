import Sockets
import Synchronization

/// What all loops count together.
final class SharedCounters: Sendable {
  private let connections = Atomic<Int>(0)
  let room: ConnectionRoom
  let perAddress = ConnectionsPerAddress()
  /// What is said of loops that accept no more: none of them looks at it while it accepts.
  private let pauses = Mutex(FaultReport())

  init(_ room: ConnectionRoom) { self.room = room }

  /// Client connections that are open.
  var openConnections: Int { connections.load(ordering: .relaxed) }

  func connectionOpened() { connections.add(1, ordering: .relaxed) }
  func connectionClosed() { connections.subtract(1, ordering: .relaxed) }

  /// A loop accepts no more, or still does not.
  ///
  /// - Returns: How often loops have begun to pause since that was last said; nil: there is nothing to say.
  func acceptingPaused(_ now: MonotonicTime) -> Int? { pauses.withLock { $0.failed(at: now) } }

  /// A loop that has paused accepts again.
  ///
  /// - Returns: Whether that is to be said.
  func acceptingResumed() -> Bool { pauses.withLock { $0.succeeded() } }
}
