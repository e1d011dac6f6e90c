import Admin
import Configuration
import Dispatch
import Sockets
import Synchronization
import Tokens

/// Looks at the file of revoked tokens four times a second.
///
/// Bound to the control loop; the looks are taken on a queue for blocking work, one at a time, as a file system may take
/// its time.
final class RevocationWatcher {
  /// Does something with the watcher, on the control loop; from anywhere.
  typealias Return = @Sendable (@escaping @Sendable (RevocationWatcher) -> Void) -> Void

  private(set) var file: RevocationFile?
  private let loop: EventLoop
  private let report: (RevocationEvent) -> Void
  private var changed: ([RevokedName]?) -> Void = { _ in }
  private var looked: () -> Void = {}
  private var startedAt: MonotonicTime?
  private var queue = DispatchQueue(label: "revocations")
  /// Counts the files: what comes back from a look at an earlier one is dropped.
  private var fileNumber: UInt64 = 0
  private var lookBegan: MonotonicTime?
  private var comingBack: Return?
  /// Who waits for a reload's file; nil: nobody, or its time is over.
  private var waiting: Waiting?
  private var waitingNumber: UInt64 = 0
  /// Whether a thread reads for a reload; one that hangs keeps the next from beginning.
  private var isOpening = false
  private var isHangSaid = false
  /// Counts what was taken of the file in force.
  private var changesTaken: UInt64 = 0

  private static let every: Duration = .milliseconds(250)
  private static let hangsAfter: Duration = .seconds(10)
  private static let openingMax = 5
  /// How long a process that takes over waits for the file to rest; sooner over than its wait for keys.
  private static let restAwaited: Duration = .seconds(20)
  /// Where more is new, looking at each tunnel is as good.
  private static let namesMax = 1024

  /// How the file was found last; nil: there is none.
  var status: AdminReport.WatchedFile? {
    guard let file else { return nil }
    if isHangSaid { return .init(.revocations, fault: "\(file.path) could not be checked for 10 s") }
    return .init(.revocations, fault: file.fault.map { $0.list.first?.description ?? file.path })
  }

  init(_ file: RevocationFile?, loop: EventLoop, report: @escaping (RevocationEvent) -> Void) {
    self.file = file
    self.loop = loop
    self.report = report
  }

  /// What a process that takes over waits for: the file, until it has rested, and not without end where it never does.
  /// Else it might admit who is refused by the earlier process, which has seen the file before it was half-written.
  var resting: String? {
    guard let file, let startedAt, .current - startedAt < RevocationWatcher.restAwaited,
      !file.hasRested(now: .current, clock: WallClock.nanoseconds)
    else { return nil }
    return "rest of \(file.path)"
  }

  /// Begins to watch.
  ///
  /// - Parameters:
  ///   - changed: Called when something else is in force, with what is new of it; nil: that is much.
  ///   - looked: Called four times a second.
  func start(
    comingBack: @escaping Return, changed: @escaping ([RevokedName]?) -> Void, looked: @escaping () -> Void
  ) {
    loop.assertIsCurrent()
    self.changed = changed
    self.looked = looked
    startedAt = .current
    self.comingBack = comingBack
    if let file {
      report(.changed(file.path, entries: file.inForce.count, added: file.inForce.count, removed: 0))
    }
    tick(comingBack)
  }

  /// Watches another file, or the same with other providers, or none. `changed` is not called.
  func replace(with next: RevocationFile?) {
    loop.assertIsCurrent()
    let old = file
    file = next
    fileNumber += 1
    lookBegan = nil
    isHangSaid = false
    // The one before may be held up for good.
    queue = DispatchQueue(label: "revocations")
    guard let path = next?.path ?? old?.path else { return }
    let change = RevocationEvent.change(
      of: path, from: old?.inForce ?? Revocations(), to: next?.inForce ?? Revocations())
    if let change { report(change) }
  }

  private struct Waiting {
    let number: UInt64
    let configuration: GatewayConfiguration
    let isComplete: Bool
    let completion: (Result<RevocationFile?, Diagnostics>) -> Void
  }

  /// Reads the file that `configuration` names for a reload, without blocking the loop; one at a time.
  ///
  /// - Parameters:
  ///   - isComplete: Whether an operator answers for the file: what is gone from it is let in at once.
  ///   - completion: Called once, on the loop: with a failure where the file could not be read in 5 s.
  func open(
    _ configuration: GatewayConfiguration, isComplete: Bool,
    completion: @escaping (Result<RevocationFile?, Diagnostics>) -> Void
  ) {
    loop.assertIsCurrent()
    guard let path = configuration.revocations?.file else { return completion(.success(nil)) }
    waitingNumber += 1
    let number = waitingNumber
    waiting = Waiting(
      number: number, configuration: configuration, isComplete: isComplete, completion: completion)
    loop.schedule(after: .seconds(RevocationWatcher.openingMax)) { [unowned self] in
      guard let waiting, waiting.number == number else { return }
      self.waiting = nil
      completion(.failure(RevocationWatcher.tooSlow(path, configuration)))
    }
    if !isOpening { beginOpening() }
  }

  private func beginOpening() {
    guard let waiting, let comingBack else { return }
    isOpening = true
    let (number, configuration, taken) = (waiting.number, waiting.configuration, changesTaken)
    let kept = waiting.isComplete ? nil : file?.inForce
    BlockingWork.detach(name: "revocations") {
      let result = RevocationFile.open(configuration, keeping: kept ?? Revocations())
      comingBack { $0.openingEnded(result, number, taken) }
    }
  }

  private func openingEnded(_ result: Result<RevocationFile?, Diagnostics>, _ number: UInt64, _ taken: UInt64) {
    isOpening = false
    guard let waiting else { return }
    // What was read for an earlier reload, whose time was over, is of another configuration. What was read before the
    // file in force changed may be older than what is refused already.
    guard waiting.number == number, taken == changesTaken else { return beginOpening() }
    self.waiting = nil
    waiting.completion(result)
  }

  private func tick(_ comingBack: @escaping Return) {
    loop.schedule(after: RevocationWatcher.every) { [unowned self] in tick(comingBack) }
    looked()
    guard let file else { return }
    if let lookBegan {
      if !isHangSaid, .current - lookBegan > RevocationWatcher.hangsAfter {
        isHangSaid = true
        report(.hangs(file.path))
      }
      return
    }
    lookBegan = .current
    let number = fileNumber
    queue.async {
      var checked = file
      let events = checked.check(now: .current)
      let result = checked
      let names =
        events.isEmpty
        ? [] : result.inForce.names(addedSince: file.inForce, most: RevocationWatcher.namesMax)
      comingBack { $0.take(result, events, names, number) }
    }
  }

  private func take(
    _ checked: RevocationFile, _ events: [RevocationEvent], _ names: [RevokedName]?, _ number: UInt64
  ) {
    guard number == fileNumber else { return }
    lookBegan = nil
    if isHangSaid { report(.hangsNoMore(checked.path)) }
    isHangSaid = false
    file = checked
    if !events.isEmpty { changesTaken += 1 }
    for event in events {
      if case .changed = event { changed(names) }
      report(event)
    }
  }
}

extension RevocationWatcher {
  /// Reads the file that `configuration` names; waits for it for a few seconds.
  ///
  /// - Parameter isStart: Whether what it says will be in force, so that one that is being written is waited for.
  static func open(
    _ configuration: GatewayConfiguration, isStart: Bool = false
  ) -> Result<RevocationFile?, Diagnostics> {
    guard let path = configuration.revocations?.file else { return .success(nil) }
    let opened = Opening()
    BlockingWork.detach(name: "revocations") {
      if isStart { RevocationFile.awaitRest(path: path) }
      let result = RevocationFile.open(configuration)
      opened.result.withLock { $0 = result }
      opened.ended.signal()
    }
    _ = opened.ended.wait(timeout: .now() + .seconds(openingMax))
    if let result = opened.result.withLock({ $0 }) { return result }
    return .failure(tooSlow(path, configuration))
  }

  private static func tooSlow(_ path: String, _ configuration: GatewayConfiguration) -> Diagnostics {
    RevocationList.diagnostics(
      "\(path) could not be read in \(openingMax) s", of: configuration, mayPass: true)
  }

  private final class Opening: Sendable {
    let result = Mutex<Result<RevocationFile?, Diagnostics>?>(nil)
    let ended = DispatchSemaphore(value: 0)
  }
}
