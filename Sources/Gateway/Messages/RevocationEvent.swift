import Configuration
import Logging
import Tokens

/// What operators are told of the file of revoked tokens: never what stands in it.
enum RevocationEvent: Sendable {
  case changed(String, entries: Int, added: Int, removed: Int)
  /// It cannot be used, and what was read before is in force.
  case failed(Diagnostics)
  case recovered(String)
  /// The last look at it has not ended for `RevocationWatcher.hangsAfter`.
  case hangs(String)
  case hangsNoMore(String)

  /// nil where both are the same entries.
  static func change(of path: String, from old: Revocations, to new: Revocations) -> RevocationEvent? {
    let added = new.countAdded(since: old)
    let removed = old.count + added - new.count
    return added + removed == 0 ? nil : .changed(path, entries: new.count, added: added, removed: removed)
  }

  func write(to log: Logger) {
    switch self {
    case .changed(let path, let entries, let added, let removed):
      log.notice(
        "revocations changed",
        metadata: ["file": "\(path)", "entries": "\(entries)", "added": "\(added)", "removed": "\(removed)"])
    case .failed(let diagnostics):
      log.error(
        "revocations cannot be read; those read before stay in force",
        metadata: ["why": "\(diagnostics.list.first?.description ?? "")", "faults": "\(diagnostics.list.count)"])
    case .recovered(let path):
      log.notice("revocations can be read again", metadata: ["file": "\(path)"])
    case .hangs(let path):
      log.error(
        "revocations could not be checked for 10 s; those read before stay in force",
        metadata: ["file": "\(path)"])
    case .hangsNoMore(let path):
      log.notice("revocations can be checked again", metadata: ["file": "\(path)"])
    }
  }
}
