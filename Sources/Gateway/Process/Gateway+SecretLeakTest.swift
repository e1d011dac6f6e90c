import Logging
import Proxy
import Reason
import Tokens

extension Gateway {
  /// Sees that nothing that is written of refused requests shows a secret.
  ///
  /// - Throws: Where something does: such a program must not serve.
  static func testForSecretLeaks() throws(GatewayFault) {
    let place = SecretLeakTest.leak { _, error in
      [ProgramLog.Format.json, .logfmt].map { format in
        SecretLeakTest.Text(
          place: "the program's messages",
          ProgramLog.line(format, .error, "a token was refused: \(error)", ["why": "\(error.reason.rawValue)"]))
      }
    }
    guard let place else { return }
    throw GatewayFault(
      message: "not started: a made-up secret shows in \(place); this is a fault of the program, please report it",
      status: ExitStatus.software)
  }
}
