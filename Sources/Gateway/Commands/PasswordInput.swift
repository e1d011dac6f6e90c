import ArgumentParser
import Crypto
import Sockets

/// How a command is given a new password: typed, or by standard input; never as an argument, which others see.
struct PasswordInput: ParsableArguments {
  @Flag(name: .long, help: "Take the password from standard input: one line.")
  private var passwordStdin = false

  /// The hash of the password.
  ///
  /// - Throws: An exit status, after what is wrong was said.
  func hash(of username: String) throws -> String {
    let password = try read(username)
    guard PasswordHash.isLongEnough(password.span) else {
      throw refusal("a password has at least \(PasswordHash.charactersMin) characters")
    }
    do throws(PasswordHashError) {
      return try PasswordHash.make(password.span)
    } catch {
      throw refusal("\(error)")
    }
  }

  private func read(_ username: String) throws -> [UInt8] {
    let most = PasswordHash.passwordBytes.upperBound
    let first: [UInt8]
    let second: [UInt8]
    do throws(SystemError) {
      if passwordStdin {
        guard let line = try StandardInput.line(bytesMax: most) else { return [] }
        return line
      }
      first = try StandardInput.secret(prompt: "Password of \(TextTable.shown(username)): ", bytesMax: most)
      second = try StandardInput.secret(prompt: "Once more: ", bytesMax: most)
    } catch {
      if error.isTooLong { throw refusal("\(PasswordHashError.passwordRefused)") }
      let hint = passwordStdin ? "" : "; with --password-stdin it is read from standard input"
      throw refusal("no password: \(error)\(hint)")
    }
    guard ConstantTime.areEqual(first.span, second.span) else { throw refusal("the two passwords differ") }
    return first
  }

  private func refusal(_ message: String) -> ExitCode {
    StandardError.print(message)
    return ExitStatus.usage
  }
}
