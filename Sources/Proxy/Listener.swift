import Sockets

/// Accepts connections for one loop.
final class Listener: Pollable {
  private let socket: ListeningSocket
  /// Whether connections begin with a PROXY header.
  private let proxyProtocol: Bool
  /// Its place among the listeners.
  private let index: Int
  private let worker: Worker
  private var isPaused = false

  init(_ socket: ListeningSocket, proxyProtocol: Bool, index: Int, worker: Worker) {
    self.socket = socket
    self.proxyProtocol = proxyProtocol
    self.index = index
    self.worker = worker
  }

  func start() throws(SystemError) {
    try worker.loop.register(
      self, descriptor: socket.descriptor, interest: socket.isShared ? .readableLevelExclusive : .readableLevel)
  }

  /// Accepts what waits already, then no more.
  func stop() {
    while !isPaused, acceptBatch() == .more {}
    worker.loop.unregister(self)
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
      switch socket.accept() {
      case .connection(let accepted, let address):
        worker.accept(
          accepted, Peer(address, port: socket.port), awaitsProxyHeader: proxyProtocol, listener: index)
      case .none: return .none
      case .aborted: continue
      case .exhausted(let error):
        worker.acceptFailed(error)
        pause()
        return .more
      }
    }
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
}
