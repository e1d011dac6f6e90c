import CSystem
import Glibc

extension FileAccess {
  /// Puts a file that its owner alone may read in the place of what has that name: whoever opens it finds the old bytes
  /// or the new ones, never a part, also after a crash. On the disk when this returns. Blocks.
  ///
  /// It belongs to the user that this process runs as.
  ///
  /// - Throws: Where nothing could be written; then the old file is still there.
  public static func replacePrivate(_ path: String, _ bytes: [UInt8]) throws(SystemError) {
    // Chosen anew each time: another process may be replacing the same file.
    let temporary = "\(path).\(String(UInt64.random(in: 0 ... .max), radix: 36)).tmp"
    let file = try Descriptor(unsafe csystem_create_private(temporary), call: "open \(temporary)")
    do throws(SystemError) {
      try write(bytes, to: file, temporary)
      // SAFETY: both paths are NUL-terminated for the call.
      guard unsafe rename(temporary, path) == 0 else { throw .last("rename \(temporary) to \(path)") }
    } catch {
      // SAFETY: as above.
      _ = unsafe unlink(temporary)
      throw error
    }
    try synchronizeFolder(of: path)
  }

  /// Puts a file in the place of what has that name, as `replacePrivate` does, with the owner and the mode of the one
  /// that was there. Where there was none, its owner alone may read it. Blocks.
  ///
  /// What a link leads to is replaced, and not the link; a command of root's follows none of another user to a file that
  /// is not that user's own.
  public static func replaceContent(of path: String, _ bytes: [UInt8]) throws(SystemError) {
    let target = try resolved(path)
    var status = stat()
    // SAFETY: the path is NUL-terminated for the call, which writes into `status` alone.
    guard unsafe stat(target, &status) == 0 else {
      guard errno == ENOENT else { throw .last("stat \(target)") }
      return try createPrivate(target, bytes)
    }
    try checkLink(path, to: status)
    let temporary = "\(target).\(String(UInt64.random(in: 0 ... .max), radix: 36)).tmp"
    let file = try Descriptor(unsafe csystem_create_private(temporary), call: "open \(temporary)")
    do throws(SystemError) {
      let isOurs = status.st_uid == geteuid() && status.st_gid == getegid()
      guard isOurs || fchown(file.number, status.st_uid, status.st_gid) == 0 else { throw .last("chown \(temporary)") }
      guard fchmod(file.number, status.st_mode & 0o7777) == 0 else { throw .last("chmod \(temporary)") }
      try write(bytes, to: file, temporary)
      // SAFETY: both paths are NUL-terminated for the call.
      guard unsafe rename(temporary, target) == 0 else { throw .last("rename \(temporary) to \(target)") }
    } catch {
      // SAFETY: as above.
      _ = unsafe unlink(temporary)
      throw error
    }
    try synchronizeFolder(of: target)
  }

  private static func resolved(_ path: String) throws(SystemError) -> String {
    // SAFETY: the path is NUL-terminated for the call; what it answers is copied and freed.
    guard let found = unsafe realpath(path, nil) else {
      guard errno == ENOENT else { throw .last("realpath \(path)") }
      return path
    }
    defer { unsafe free(found) }
    return unsafe String(cString: found)
  }

  /// Who has it holds it for milliseconds.
  private static let lockMilliseconds: Int32 = 2000

  /// Does something while no other process that asks for it may: with what is in a folder. Blocks.
  ///
  /// - Throws: `EWOULDBLOCK`, too, where somebody holds the lock for 2 s.
  public static func withLock<Value>(
    onFolder path: String, _ body: () throws(SystemError) -> Value
  ) throws(SystemError) -> Value {
    // The folder itself is locked: a file of its own would stay.
    let lock = try Descriptor(unsafe csystem_open_locked(path, lockMilliseconds), call: "lock \(path)")
    let value = try body()
    // Until here it is held.
    _ = lock.number
    return value
  }

  /// Deletes a file. Blocks.
  public static func remove(_ path: String) throws(SystemError) {
    // SAFETY: the path is NUL-terminated for the call.
    guard unsafe unlink(path) == 0 else { throw .last("unlink \(path)") }
    try synchronizeFolder(of: path)
  }

  /// Makes what was renamed in the folder of `path` outlast a loss of power.
  static func synchronizeFolder(of path: String) throws(SystemError) {
    let folder = folder(of: path)
    let descriptor = try Descriptor(unsafe csystem_open_reading(folder), call: "open \(folder)")
    guard fsync(descriptor.number) == 0 else { throw .last("fsync \(folder)") }
  }

  /// The folder that a path lies in.
  public static func folder(of path: String) -> String {
    let slash = path.lastIndex(of: "/")
    return slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
  }
}
