import CSystem
import Glibc

extension FileAccess {
  /// What has a name.
  public enum Occupant: Sendable, Equatable {
    case nothing
    /// A regular file, and its first bytes.
    case file(beginning: [UInt8])
    /// A folder, a link, a device.
    case other
  }

  /// What stands at `path`, with at most `bytesMax` bytes of it; links are not followed. Blocks.
  public static func occupant(of path: String, bytesMax: Int) throws(SystemError) -> Occupant {
    var status = stat()
    // SAFETY: the path is NUL-terminated for the call, which writes into `status` alone.
    guard unsafe lstat(path, &status) == 0 else {
      if errno == ENOENT { return .nothing }
      throw .last("lstat \(path)")
    }
    guard status.st_mode & S_IFMT == S_IFREG else { return .other }
    let file = try Descriptor(unsafe csystem_open_reading(path), call: "open \(path)")
    var bytes = [UInt8](repeating: 0, count: bytesMax)
    // SAFETY: the call writes inside the array, which is borrowed exclusively.
    let count = unsafe bytes.withUnsafeMutableBytes { raw in
      unsafe Glibc.read(file.number, raw.baseAddress, raw.count)
    }
    guard count >= 0 else { throw .last("read \(path)") }
    bytes.removeSubrange(count...)
    return .file(beginning: bytes)
  }
}
