import Sockets

/// Resolves names, a few at a time: a name whose servers do not answer blocks a thread for as long as resolv.conf(5)
/// says, and a thread for each of many would be taken from everything else. Bound to the control loop.
final class LookupQueues {
  typealias Outcome = Result<[SocketAddress], NameLookupError>

  private let lookup: Upstreams.Lookup
  /// Those that nothing runs on.
  private var free: [SerialQueue]
  private var waiting: [Waiting] = []

  private struct Waiting {
    let name: UpstreamMonitor.Name
    let isWanted: () -> Bool
    let completion: @Sendable (Outcome, SerialQueue) -> Void
  }

  init(_ lookup: @escaping Upstreams.Lookup) {
    self.lookup = lookup
    free = (0..<Limits.lookupsAtOnceMax).map { SerialQueue(name: "lookup-\($0)") }
  }

  /// Resolves `name` once it is its turn.
  ///
  /// - Parameters:
  ///   - isWanted: Asked when its turn has come; otherwise that is the next one's, and `completion` is not called.
  ///   - completion: Called on a queue; has to end in `ended`, on the control loop.
  func resolve(
    _ name: UpstreamMonitor.Name, isWanted: @escaping () -> Bool,
    completion: @escaping @Sendable (Outcome, SerialQueue) -> Void
  ) {
    guard let queue = free.popLast() else {
      waiting.append(Waiting(name: name, isWanted: isWanted, completion: completion))
      return
    }
    run(name, on: queue, completion)
  }

  /// What `completion` was called with is free for the next.
  func ended(_ queue: SerialQueue) {
    guard let place = waiting.firstIndex(where: { $0.isWanted() }) else {
      waiting = []
      free.append(queue)
      return
    }
    let next = waiting[place]
    waiting.removeFirst(place + 1)
    run(next.name, on: queue, next.completion)
  }

  private func run(
    _ name: UpstreamMonitor.Name, on queue: SerialQueue,
    _ completion: @escaping @Sendable (Outcome, SerialQueue) -> Void
  ) {
    let lookup = lookup
    queue.async { completion(lookup(name.host, name.port), queue) }
  }
}
