import Configuration
import Logging
import Proxy
import Sockets

/// Taking what has changed without being told.
extension Gateway {
  func startWatching(_ bound: LoopBound<Gateway>) {
    let watcher = ConfigurationWatcher(
      loop: control, comingBack: { body in bound.async { $0.watcher.map(body) } },
      changed: { [unowned self] in
        guard !isDraining else { return }
        log.notice("a file of the configuration has changed")
        reload()
      })
    self.watcher = watcher
    watchFiles()
    watcher.start()
  }

  /// Looks at the files of the configuration in force from now on, and at those of one that was refused.
  func watchFiles() { watcher?.watch(filesWatched, seen: filesSeen) }

  /// Empty: nothing is to be watched.
  var filesWatched: [String] {
    guard active.configuration.reload.isWatching else { return [] }
    let files = active.configuration.filesRead
    return files + filesRefused.filter { !files.contains($0) }
  }
}
