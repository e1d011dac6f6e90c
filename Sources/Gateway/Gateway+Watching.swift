import Configuration
import Glibc
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
        // A new process that is being started may have read the file before.
        handover.note(signal: SIGHUP)
      })
    self.watcher = watcher
    watchFiles()
    watcher.start()
  }

  /// Looks at the files of the configuration in force from now on, and at those of one that was refused.
  func watchFiles() { watcher?.watch(filesWatched, seen: filesSeen) }

  /// Empty: nothing is to be watched.
  var filesWatched: [String] {
    guard active.configuration.reload.isWatching || watchesRefused else { return [] }
    let files = active.configuration.filesRead
    return files + filesRefused.filter { !files.contains($0) }
  }
}
