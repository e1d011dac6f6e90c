internal import Sockets
internal import Tokens

/// Looks after the folder of one provider's own keys: makes the next one in time, and sees what other processes make.
///
/// Bound to the control loop, which never waits for the disk. It is Sendable because its queue is given the folder
/// alone, and brings this back to the loop without looking into it.
final class SigningKeyKeeper: @unchecked Sendable {
  /// What one look has found.
  struct Look: Sendable {
    let entries: [SigningFolder.Entry]
    let changes: SigningFolder.Changes
  }

  let folder: SigningFolder
  private let rotation: KeyRotation?
  private let loop: EventLoop
  private let queue: SerialQueue
  private let looked: (Result<Look, KeyFault>) -> Void
  private var timer: LoopTimer?
  private var isStopped = false

  private static let every: Duration = .seconds(15)

  /// - Parameter looked: Told of each look, on the loop.
  init(
    _ folder: SigningFolder, _ rotation: KeyRotation?, loop: EventLoop, queue: SerialQueue,
    looked: @escaping (Result<Look, KeyFault>) -> Void
  ) {
    self.folder = folder
    self.rotation = rotation
    self.loop = loop
    self.queue = queue
    self.looked = looked
  }

  /// Looks now, and from time to time.
  func start() {
    loop.assertIsCurrent()
    guard !isStopped else { return }
    queue.async { [self, folder, rotation, loop] in
      let result = SigningKeyKeeper.look(folder, rotation)
      loop.async { self.ended(result) }
    }
  }

  func stop() {
    isStopped = true
    timer?.cancel()
  }

  private func ended(_ result: Result<Look, KeyFault>) {
    guard !isStopped else { return }
    looked(result)
    timer = loop.schedule(after: SigningKeyKeeper.every) { [weak self] in self?.start() }
  }

  private static func look(_ folder: SigningFolder, _ rotation: KeyRotation?) -> Result<Look, KeyFault> {
    let now = WallClock.seconds
    do throws(KeyFault) {
      let changes = try rotation.map { rotation throws(KeyFault) in try folder.rotate(rotation, now: now) }
      return .success(Look(entries: try folder.load(), changes: changes ?? SigningFolder.Changes()))
    } catch {
      return .failure(error)
    }
  }
}
