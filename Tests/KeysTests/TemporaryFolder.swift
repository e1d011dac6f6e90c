import Glibc
import Sockets

/// A folder for one test, removed with what is in it.
final class TemporaryFolder {
  let path: String

  init(mode: UInt32 = 0o700) throws {
    path = "/tmp/portcullis-keys-\(UInt64.random(in: 0...UInt64.max))"
    // SAFETY: strings are NUL-terminated for each call of this file, and nothing is kept.
    guard unsafe mkdir(path, 0o700) == 0, unsafe chmod(path, mode) == 0 else {
      throw SystemError(call: "mkdir", code: errno)
    }
  }

  /// The path of a new file with these bytes and permission bits.
  @discardableResult
  func write(_ name: String, _ bytes: [UInt8], mode: UInt32 = 0o600) throws -> String {
    let file = "\(path)/\(name)"
    // SAFETY: as above.
    _ = unsafe unlink(file)
    try FileAccess.createPrivate(file, bytes)
    try TemporaryFolder.change(file, mode: mode)
    return file
  }

  func remove(_ name: String) throws {
    // SAFETY: as above.
    guard unsafe unlink("\(path)/\(name)") == 0 else { throw SystemError(call: "unlink", code: errno) }
  }

  /// Removes a folder in it, with its files.
  func removeFolder(_ name: String) throws {
    for file in try FileAccess.names(in: "\(path)/\(name)") { try remove("\(name)/\(file)") }
    // SAFETY: as above.
    guard unsafe rmdir("\(path)/\(name)") == 0 else { throw SystemError(call: "rmdir", code: errno) }
  }

  static func change(_ path: String, mode: UInt32) throws {
    // SAFETY: as above.
    guard unsafe chmod(path, mode) == 0 else { throw SystemError(call: "chmod", code: errno) }
  }

  static func mode(of path: String) throws -> UInt32 { try FileAccess.read(path, bytesMax: 65_536).mode }

  deinit {
    // SAFETY: as above.
    _ = unsafe chmod(path, 0o700)
    let names = (try? FileAccess.names(in: path)) ?? []
    for name in names { _ = unsafe unlink("\(path)/\(name)") }
    _ = unsafe rmdir(path)
  }
}
