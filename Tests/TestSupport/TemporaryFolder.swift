import Foundation

/// A folder for one test, removed with what is in it.
public final class TemporaryFolder: Sendable {
  /// Its absolute path.
  public let path: String

  /// - Parameter mode: Permission bits, as `chmod` takes them.
  public init(mode: UInt32 = 0o700) throws {
    path = FileManager.default.temporaryDirectory.appending(path: "portcullis-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    try TemporaryFolder.change(path, mode: mode)
  }

  /// The path of a file with these bytes and permission bits; new also where there was one.
  @discardableResult
  public func write(_ name: String, _ bytes: [UInt8], mode: UInt32 = 0o600) throws -> String {
    let file = "\(path)/\(name)"
    if FileManager.default.fileExists(atPath: file) { try remove(name) }
    try Data(bytes).write(to: URL(filePath: file), options: .withoutOverwriting)
    try TemporaryFolder.change(file, mode: mode)
    return file
  }

  /// The path of a file with this text.
  @discardableResult
  public func write(_ name: String, _ text: String, mode: UInt32 = 0o600) throws -> String {
    try write(name, Array(text.utf8), mode: mode)
  }

  /// What a file of it holds.
  public func text(_ name: String) throws -> String { try String(contentsOfFile: "\(path)/\(name)", encoding: .utf8) }

  /// Removes a file, or a folder with what is in it.
  public func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: "\(path)/\(name)") }

  /// Changes the permission bits of a file or folder.
  public static func change(_ path: String, mode: UInt32) throws {
    try FileManager.default.setAttributes([.posixPermissions: Int(mode)], ofItemAtPath: path)
  }

  /// Permission bits.
  public static func mode(of path: String) throws -> UInt32 {
    let found = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber
    return found?.uint32Value ?? 0
  }

  deinit {
    // What ends at this moment may write once more.
    for _ in 1...3 where FileManager.default.fileExists(atPath: path) {
      do {
        try TemporaryFolder.change(path, mode: 0o700)
        try FileManager.default.removeItem(atPath: path)
      } catch {
        print("left behind for now: \(path), \(error)")
      }
    }
  }
}
