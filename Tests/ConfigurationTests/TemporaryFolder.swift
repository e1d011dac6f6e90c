import Glibc
import Testing

/// A folder for one test, removed with what was written into it.
final class TemporaryFolder {
  struct Failure: Error {
    let call: String
  }

  let path: String
  private var files: [String] = []

  init() throws {
    path = "/tmp/portcullis-configuration-\(UInt64.random(in: 0...UInt64.max))"
    // SAFETY: strings are NUL-terminated for each call of this file, and nothing is kept.
    guard unsafe mkdir(path, 0o700) == 0 else { throw Failure(call: "mkdir") }
  }

  /// The path of a new file with this content and these permission bits.
  func write(_ name: String, _ content: String, mode: UInt32) throws -> String {
    let file = "\(path)/\(name)"
    try Self.write(content, to: file)
    files.append(file)
    guard unsafe chmod(file, mode) == 0 else { throw Failure(call: "chmod") }
    return file
  }

  static func write(_ content: String, to path: String) throws {
    guard let stream = unsafe fopen(path, "w") else { throw Failure(call: "fopen") }
    let written = unsafe fputs(content, stream)
    guard unsafe fclose(stream) == 0, written >= 0 else { throw Failure(call: "fputs") }
  }

  deinit {
    for file in files { _ = unsafe unlink(file) }
    _ = unsafe rmdir(path)
  }
}
