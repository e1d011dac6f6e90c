import Sockets

/// Resolves names, a few at a time: a name whose servers do not answer blocks a thread for as long as resolv.conf(5)
/// says, and a thread for each of many would be taken from everything else. Bound to the control loop.
final class LookupQueues {
  typealias Answer = Result<[SocketAddress], NameLookupError>

  private let lookup: Upstreams.Lookup
  /// Those that nothing runs on.
  private var free: [SerialQueue]
  private var waiting: [(name: UpstreamMonitor.Name, completion: @Sendable (Answer, SerialQueue) -> Void)] = []

  init(_ lookup: @escaping Upstreams.Lookup) {
    self.lookup = lookup
    free = (0..<Limits.lookupsAtOnceMax).map { SerialQueue(name: "lookup-\($0)") }
  }

  /// Resolves `name` once it is its turn.
  ///
  /// - Parameter completion: Called on a queue; has to end in `ended`, on the control loop.
  func resolve(_ name: UpstreamMonitor.Name, _ completion: @escaping @Sendable (Answer, SerialQueue) -> Void) {
    guard let queue = free.popLast() else {
      waiting.append((name, completion))
      return
    }
    run(name, on: queue, completion)
  }

  /// What `completion` was called with is free for the next.
  func ended(_ queue: SerialQueue) {
    guard !waiting.isEmpty else {
      free.append(queue)
      return
    }
    let next = waiting.removeFirst()
    run(next.name, on: queue, next.completion)
  }

  private func run(
    _ name: UpstreamMonitor.Name, on queue: SerialQueue, _ completion: @escaping @Sendable (Answer, SerialQueue) -> Void
  ) {
    let lookup = lookup
    queue.async { completion(lookup(name.host, name.port), queue) }
  }
}
