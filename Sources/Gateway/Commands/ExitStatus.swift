import ArgumentParser
import Proxy
import Sockets

/// How the program ends: the codes of sysexits(3) where they say more than failure.
enum ExitStatus {
  static let refused = ExitCode(1)
  static let undecided = ExitCode(2)
  static let usage = ExitCode(64)
  static let noInput = ExitCode(66)
  static let unavailable = ExitCode(69)
  static let software = ExitCode(70)
  static let cannotCreate = ExitCode(73)
  static let configuration = ExitCode(78)
}

extension ServerError {
  var status: ExitCode {
    if case .unnamed = self { return ExitStatus.configuration }
    return ExitStatus.unavailable
  }
}

/// Lines for people, on standard error.
enum StandardError {
  static func print(_ text: String) {
    StandardStream.error.write(text + "\n")
  }
}
