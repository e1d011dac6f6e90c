import ArgumentParser
import Configuration
import Crypto
import Tokens

/// `portcullis client`
struct ClientCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "client", abstract: "Adds programs to a users file, which get tokens for themselves.",
    subcommands: [ClientAddCommand.self])
}

/// `portcullis client add`
struct ClientAddCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "add", abstract: "Adds a client, and prints the secret that is made for it.",
    discussion: "The secret goes to standard output, this once: the file holds its hash.")

  @Argument(help: "The client's id.")
  var id: String
  @OptionGroup var option: UsersFileOption
  @OptionGroup var grants: GrantOptions

  func run() throws {
    let secret = Base64URL.text(try RandomBytes.make(32))
    var client = NewUser(clientID: id, secretHash: try PasswordHash.make([UInt8](secret.utf8).span))
    grants.apply(to: &client)
    let added = client
    try option.change { text throws(UsersEditFault) in try text.add([added]) }
    do {
      try StandardOutput.print(secret)
    } catch {
      StandardError.print(
        "\(option.usersFile): the client \"\(id)\" is in it, and its secret is lost: "
          + "delete the client there, and add it again")
      throw error
    }
  }
}
