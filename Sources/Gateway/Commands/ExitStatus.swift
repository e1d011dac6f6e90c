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

/// What a command was asked for, on standard output.
enum StandardOutput {
  /// Writes a line.
  ///
  /// - Throws: An exit status, after it was said, where it could not be written whole. A reader that has gone is none of
  ///   that: it has what it wanted.
  static func print(_ text: String) throws {
    do throws(SystemError) {
      try StandardStream.output.write([UInt8]((text + "\n").utf8))
    } catch {
      try check(error)
    }
  }

  static func check(_ error: SystemError) throws {
    if error.isBrokenPipe { return }
    StandardError.print("\(error)")
    throw ExitStatus.cannotCreate
  }
}

/// Lines for people, on standard error.
enum StandardError {
  static func print(_ text: String) {
    StandardStream.error.write(text + "\n")
  }
}
