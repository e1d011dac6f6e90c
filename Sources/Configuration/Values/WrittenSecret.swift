/// A header that the text of the configuration sets to what is probably a secret, going by its name.
public struct WrittenSecret: Sendable, Equatable {
  /// The name of the header, as written.
  public let header: String
  /// Where the name of the header is in the file.
  public let position: Position

  /// nil: the name says nothing of that kind, or the value comes from the environment.
  init?(_ header: String, _ position: Position, value: Node) {
    guard case .scalar(let scalar) = value.content, scalar.text == scalar.written else { return nil }
    let folded = IdentityHeaderName.fold(header)
    guard WrittenSecret.words.contains(where: { folded.contains($0) }) else { return nil }
    (self.header, self.position) = (header, position)
  }

  private static let words = ["key", "secret", "token", "password", "credential", "authorization"]
}

extension GatewayConfiguration {
  /// Warnings about secrets that everyone on this machine can read in the file; empty where no one can.
  ///
  /// - Parameter mode: The file's permission bits.
  public func warnings(ofMode mode: UInt32) -> [Diagnostic] {
    guard mode & 0o004 != 0 else { return [] }
    return secretsWritten.map { secret in
      Diagnostic(
        file: file, position: secret.position,
        message:
          "\"\(secret.header)\" is set to what may be a secret, and everybody on this machine can read this file "
          + "(mode \(String(mode, radix: 8))): run chmod o= \(file), or write ${NAME} for a variable of the environment"
      )
    }
  }
}
