import ArgumentParser
import Configuration
import Crypto
import Tokens

/// What a user or a client may do, for commands that add one.
struct GrantOptions: ParsableArguments {
  @Option(name: .long, help: ArgumentHelp("A role; may be repeated.", valueName: "name"))
  var role: [String] = []
  @Option(name: .long, help: ArgumentHelp("A permission; may be repeated.", valueName: "name"))
  var permission: [String] = []
  @Option(name: .long, help: ArgumentHelp("A scope; may be repeated.", valueName: "name"))
  var scope: [String] = []

  func apply(to user: inout NewUser) {
    (user.roles, user.permissions, user.scopes) = (role, permission, scope)
  }
}

/// `portcullis user add`
struct UserAddCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "add", abstract: "Adds a user, and creates the file if there is none.")

  @Argument(help: "The username.")
  var name: String
  @OptionGroup var option: UsersFileOption
  @OptionGroup var grants: GrantOptions
  @Option(
    name: .long,
    help: ArgumentHelp(
      "A further claim of the user's tokens: a number, true, false or a string. May be repeated.",
      valueName: "name=value"))
  var claim: [String] = []
  @Option(
    name: .long, help: ArgumentHelp("The user's permanent id in tokens; if omitted, one is made.", valueName: "id"))
  var id: String?
  @OptionGroup var input: PasswordInput

  func run() throws {
    var claims: [ClaimMember] = []
    for text in claim {
      guard let member = NewUser.claim(text) else {
        throw ValidationError("--claim \(text) is not of the form name=value")
      }
      claims.append(member)
    }
    var user = NewUser(
      id: try id ?? UserAddCommand.newID(), username: name, passwordHash: try input.hash(of: name))
    grants.apply(to: &user)
    user.claims = claims
    let added = user
    try option.change(makesFile: true) { text throws(UsersEditFault) in try text.add([added]) }
    try StandardOutput.print(added.id)
  }

  /// 128 bits that nobody had before.
  static func newID() throws(CryptoError) -> String { Base64URL.text(try RandomBytes.make(16)) }
}
