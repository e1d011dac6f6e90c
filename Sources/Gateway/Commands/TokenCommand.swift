import ArgumentParser
import Sockets

/// `portcullis token`
struct TokenCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "token", abstract: "Verifies, shows and makes tokens.",
    subcommands: [TokenVerifyCommand.self, TokenInspectCommand.self, TokenMintCommand.self])
}

/// A token as an argument, or on standard input, where no other user of the machine sees it: alone, or behind the scheme
/// that stands before it in `Authorization`.
struct TokenArgument: ParsableArguments {
  @Argument(help: "The token, with or without \"Bearer\" before it; - or nothing: standard input.")
  var token: String?

  func read() throws -> [UInt8] { try TokenArgument.read(token) }

  static func read(_ token: String?) throws -> [UInt8] {
    if let token, token != "-" { return withoutScheme([UInt8](token.utf8)) }
    guard let line = readLine(strippingNewline: true) else {
      StandardError.print("no token on standard input")
      throw ExitStatus.usage
    }
    return withoutScheme([UInt8](line.utf8))
  }

  /// The token in a file, or on standard input for `-`: as an argument, other users of the machine would see it.
  static func read(file: String) throws -> [UInt8] {
    if file == "-" { return try read(file) }
    do throws(SystemError) {
      let bytes = try FileAccess.readFileOrPipe(file, bytesMax: 64 * 1024)
      return withoutScheme(Array(bytes.prefix { $0 != 0x0A && $0 != 0x0D }))
    } catch {
      // A message that quotes the name of such a file would quote a token.
      StandardError.print(
        isToken(file) ? "--token takes a file that holds the token, or - for standard input, not the token" : "\(error)"
      )
      throw isToken(file) ? ExitStatus.usage : ExitStatus.noInput
    }
  }

  /// Whether it looks like a JWT, which begins with an encoded `{"`.
  private static func isToken(_ text: String) -> Bool { withoutScheme([UInt8](text.utf8)).starts(with: "eyJ".utf8) }

  /// What is copied from a request begins with `Bearer` or `DPoP`, in whatever case (RFC 9110 §11.1).
  static func withoutScheme(_ text: [UInt8]) -> [UInt8] {
    guard let end = text.firstIndex(of: UInt8(ascii: " ")),
      ["bearer", "dpop"].contains(String(decoding: text[..<end], as: UTF8.self).lowercased())
    else { return text }
    return Array(text[end...].drop { $0 == UInt8(ascii: " ") })
  }
}
