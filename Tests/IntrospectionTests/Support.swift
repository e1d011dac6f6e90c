import Glibc
import OAuth
import Sockets
import Tokens

@testable import Introspection

/// A folder for one test, removed with what is in it.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = "/tmp/portcullis-introspection-\(UInt64.random(in: 0...UInt64.max))"
    // SAFETY: strings are NUL-terminated for each call of this file, and nothing is kept.
    guard unsafe mkdir(path, 0o700) == 0 else { throw SystemError(call: "mkdir", code: errno) }
  }

  /// The path of a new file with these bytes and permission bits.
  func write(_ name: String, _ bytes: [UInt8], mode: UInt32 = 0o600) throws -> String {
    let file = "\(path)/\(name)"
    // SAFETY: as above.
    _ = unsafe unlink(file)
    try FileAccess.createPrivate(file, bytes)
    // SAFETY: as above.
    guard unsafe chmod(file, mode) == 0 else { throw SystemError(call: "chmod", code: errno) }
    return file
  }

  deinit {
    // SAFETY: as above.
    for name in (try? FileAccess.names(in: path)) ?? [] { _ = unsafe unlink("\(path)/\(name)") }
    _ = unsafe rmdir(path)
  }
}

extension IntrospectionEndpoint {
  static func example(
    _ authentication: ClientAuthentication, clientID: String = "s6BhdRkqt3"
  ) -> IntrospectionEndpoint {
    IntrospectionEndpoint(
      url: "https://server.example.com/introspect", clientID: clientID, authentication: authentication,
      policy: TokenPolicy(provider: "example", issuer: "https://server.example.com/", audiences: .any))
  }
}
