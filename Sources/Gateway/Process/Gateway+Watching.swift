import Configuration
import Glibc
import Logging
import Proxy
import Sockets

/// What is known of the files that are watched.
struct Watching {
  /// nil: not yet.
  var watcher: ConfigurationWatcher?
  /// The files of a configuration that was refused: one of them may be what has to be mended.
  var filesRefused: [String] = []
  /// Whether it asks for its files to be watched.
  var watchesRefused = false
  /// What the files were like when they were last read.
  var filesSeen: ConfigurationWatcher.Sight = [:]
}

/// Taking what has changed without being told.
extension Gateway {
  func startWatching() {
    let watcher = ConfigurationWatcher(
      loop: control, comingBack: { [bound] body in bound.async { $0.watching.watcher.map(body) } },
      changed: { [unowned self] in
        guard !shutdown.hasBegun else { return }
        log.notice("a file of the configuration has changed")
        reload()
        // A new process that is being started may have read the file before.
        handover.note(signal: SIGHUP)
      })
    watching.watcher = watcher
    watchFiles()
    watcher.start()
  }

  /// Looks at the files of the configuration in force from now on, and at those of one that was refused.
  func watchFiles() { watching.watcher?.watch(filesWatched, seen: watching.filesSeen) }

  /// Empty: nothing is to be watched.
  var filesWatched: [String] {
    guard active.configuration.reload.isWatching || watching.watchesRefused else { return [] }
    let files = active.configuration.filesRead
    return files + watching.filesRefused.filter { !files.contains($0) }
  }
}
