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

  /// Makes what was renamed in the folder of `path` outlast a loss of power.
  private static func synchronizeFolder(of path: String) throws(SystemError) {
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
