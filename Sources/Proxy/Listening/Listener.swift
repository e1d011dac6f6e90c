import Sockets

/// Accepts connections for one loop.
final class Listener: Pollable {
  private let share: ListenerSockets.Share
  private let worker: Worker
  private var isPaused = false

  init(_ share: ListenerSockets.Share, worker: Worker) {
    self.share = share
    self.worker = worker
  }

  func start() throws(SystemError) {
    try share.socket.listen()
    try worker.loop.register(
      self, descriptor: share.socket.descriptor, interest: share.isShared ? .readableLevelExclusive : .readableLevel)
  }

  /// Accepts what waits already, then no more.
  func stop() {
    // First: of those who share a socket one alone is told of a connection, and this one has told nobody else.
    worker.loop.unregister(self)
    for _ in 0..<Listener.lastBatchesMax where !isPaused {
      guard acceptBatch() == .more else { break }
    }
  }

  override func ready(_ events: ReadyEvents) {
    // A level-triggered descriptor: what is left over is said again, after others had their turn.
    _ = acceptBatch()
  }

  private enum Waiting { case more, none }

  /// Accepts some of those that wait.
  private func acceptBatch() -> Waiting {
    for _ in 0..<Listener.batchMax {
      guard worker.mayAccept() else {
        pause()
        return .more
      }
      switch share.socket.accept() {
      case .connection(let accepted, let address):
        do throws(SystemError) {
          try worker.accept(
            accepted, from: Peer(address, port: share.socket.port), awaitsProxyHeader: share.proxyProtocol,
            listener: share.listener)
        } catch {
          return exhausted(error)
        }
      case .none: return .none
      case .aborted: continue
      case .exhausted(let error): return exhausted(error)
      }
    }
    return .more
  }

  /// This machine lacks what the next connection would lack too.
  private func exhausted(_ error: SystemError) -> Waiting {
    worker.acceptFailed(error)
    pause()
    return .more
  }

  /// Accepts no more for a while: a descriptor that stays ready would keep the loop spinning (SECURITY D-4).
  private func pause() {
    guard !isPaused else { return }
    isPaused = true
    worker.loop.unregister(self)
    worker.loop.schedule(after: Limits.acceptPause) { [self] in
      isPaused = false
      guard !worker.isDraining else { return }
      do throws(SystemError) {
        try start()
      } catch {
        worker.acceptFailed(error)
        pause()
      }
    }
  }

  private static let batchMax = 64
  /// More than can have waited; another process may go on to listen, so that there is always one more.
  private static let lastBatchesMax = 128
}
