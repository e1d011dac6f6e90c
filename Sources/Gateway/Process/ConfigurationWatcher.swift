import Sockets

/// Looks at the configuration's files every two seconds, and says when one of them has changed.
///
/// Bound to the control loop; a look is taken on a thread of its own, as a file system may take its time. By status and
/// not by inotify, which knows nothing of what changes elsewhere on a network's file system, and of links that are
/// replaced, as those of a ConfigMap are.
final class ConfigurationWatcher {
  /// Does something with the watcher, on the control loop; from anywhere.
  typealias Return = @Sendable (@escaping @Sendable (ConfigurationWatcher) -> Void) -> Void
  /// By path; nil: there is no such file.
  typealias Sight = [String: FileStatus?]

  private let loop: EventLoop
  private let comingBack: Return
  private let changed: () -> Void
  /// Empty: nothing is watched.
  private var files: [String] = []
  /// What was seen when the files were last read, of those that were looked at then.
  private var taken: Sight = [:]
  /// What was seen at the last look.
  private var last: Sight?
  private var isLooking = false
  private var number = 0

  private static let every: Duration = .seconds(2)

  /// - Parameter changed: Called when a file is another one than when `watch` was called, and was so at two looks: what
  ///   is being written is not read.
  init(loop: EventLoop, comingBack: @escaping Return, changed: @escaping () -> Void) {
    self.loop = loop
    self.comingBack = comingBack
    self.changed = changed
  }

  /// Begins to look.
  func start() { tick() }

  /// Watches these files.
  ///
  /// - Parameter seen: What was seen of them before they were read; of others, if any, it is what the first look finds.
  func watch(_ files: [String], seen: Sight) {
    loop.assertIsCurrent()
    number += 1
    self.files = files
    taken = seen.filter { files.contains($0.key) }
    last = nil
  }

  /// What the files are like. Blocks.
  static func look(_ files: [String]) -> Sight {
    var sight: Sight = [:]
    for file in files { sight.updateValue(try? FileStatus(path: file), forKey: file) }
    return sight
  }

  private func tick() {
    loop.schedule(after: ConfigurationWatcher.every) { [unowned self] in tick() }
    guard !files.isEmpty, !isLooking else { return }
    isLooking = true
    let (files, number) = (files, number)
    BlockingWork.detach(name: "configuration") { [comingBack] in
      let sight = ConfigurationWatcher.look(files)
      comingBack { $0.take(sight, number) }
    }
  }

  private func take(_ sight: Sight, _ number: Int) {
    isLooking = false
    guard number == self.number else { return }
    defer { last = sight }
    taken.merge(sight) { before, _ in before }
    guard sight != taken, sight == last else { return }
    // Whatever comes of it: what is wrong is not read again until it is another one.
    taken = sight
    changed()
  }
}
