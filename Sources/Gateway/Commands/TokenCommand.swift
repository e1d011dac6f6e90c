import ArgumentParser

/// `portcullis token`
struct TokenCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "token", abstract: "Verifies, shows and makes tokens.",
    subcommands: [TokenVerifyCommand.self, TokenInspectCommand.self, TokenMintCommand.self])
}

/// A token as an argument, or on standard input, where no other user of the machine sees it.
struct TokenArgument: ParsableArguments {
  @Argument(help: "The token; - or nothing: standard input.")
  var token: String?

  func read() throws -> [UInt8] { try TokenArgument.read(token) }

  static func read(_ token: String?) throws -> [UInt8] {
    if let token, token != "-" { return [UInt8](token.utf8) }
    guard let line = readLine(strippingNewline: true) else {
      StandardError.print("no token on standard input")
      throw ExitStatus.usage
    }
    return [UInt8](line.utf8)
  }
}
