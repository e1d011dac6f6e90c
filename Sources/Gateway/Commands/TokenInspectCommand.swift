import ArgumentParser
import JSON
import Reason
import Tokens

/// `portcullis token inspect`
struct TokenInspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "Shows a token's header and claims as JSON. Verifies nothing, and says so.")

  @OptionGroup var argument: TokenArgument

  func run() throws {
    let bytes = try argument.read()
    let shown: JSONValue
    do throws(TokenError) {
      let token = try DecodedToken(bytes.span)
      shown = .object(["header": .object(token.header), "claims": .object(token.claims)])
    } catch {
      StandardError.print("\(error.reason.rawValue): \(error)")
      throw ExitStatus.refused
    }
    StandardError.print(
      "NOT VERIFIED: anyone can write such a token. To find out whether it is good: portcullis token verify")
    try StandardOutput.print(String(decoding: shown.serialized(), as: UTF8.self))
  }
}
