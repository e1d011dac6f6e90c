import ArgumentParser
import Configuration
import Crypto
import Tokens

/// `portcullis client`
struct ClientCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "client", abstract: "Adds and changes programs in a users file, which get tokens for themselves.",
    discussion: """
      The file is changed in place: comments and order stay. A gateway that uses it sees a change within a second. \
      "portcullis user list" lists programs too.
      """,
    subcommands: [
      ClientAddCommand.self, ClientSecretCommand.self, ClientDisableCommand.self, ClientEnableCommand.self,
    ])

  /// 256 random bits, as a text.
  fileprivate static func newSecret() throws(CryptoError) -> String { Base64URL.text(try RandomBytes.make(32)) }

  /// How to end what a program has got so far: this file does not say which providers use it, nor how long tokens live.
  fileprivate static func sayWhatGoesOn(_ id: String) {
    let name = TextTable.shown(id)
    StandardError.print(
      """
      tokens that \(name) has already stay good until they expire: sign_in.lifetime, 10 minutes unless it is set. To end them \
      now: portcullis sign-ins revoke --config gateway.conf --provider NAME --client \(name)
      """)
  }
}

/// `portcullis client add`
struct ClientAddCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "add", abstract: "Adds a client, and prints the secret generated for it.",
    discussion: "The secret goes to standard output, only this once: the file holds its hash.")

  @Argument(help: "The client's id.")
  var id: String
  @OptionGroup var option: UsersFileOption
  @OptionGroup var grants: GrantOptions

  func run() throws {
    let secret = try ClientCommand.newSecret()
    var client = NewUser(clientID: id, secretHash: try PasswordHash.make([UInt8](secret.utf8).span))
    grants.apply(to: &client)
    let added = client
    try option.change(makesFile: true) { text throws(UsersEditFault) in try text.add([added]) }
    do {
      try StandardOutput.print(secret)
    } catch {
      StandardError.print(
        "\(option.usersFile): the client \"\(id)\" is in it, but its secret is lost: "
          + "delete the client there, and add it again")
      throw error
    }
  }
}

/// `portcullis client secret`
struct ClientSecretCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "secret", abstract: "Gives a client another secret, and prints it.",
    discussion: """
      The secret goes to standard output, only this once: the file holds its hash. The former one gets no tokens any \
      more. Tokens that it got stay good until they expire; "portcullis sign-ins revoke --client" ends them at once.
      """)

  @Argument(help: "The client's id.")
  var id: String
  @OptionGroup var option: UsersFileOption

  func run() throws {
    let secret = try ClientCommand.newSecret()
    let hash = try PasswordHash.make([UInt8](secret.utf8).span)
    try option.change { text throws(UsersEditFault) in try text.setSecretHash(hash, ofClient: id) }
    do {
      try StandardOutput.print(secret)
    } catch {
      StandardError.print(
        "\(option.usersFile): the client \"\(id)\" has another secret, which is lost: run this again for one more")
      throw error
    }
    ClientCommand.sayWhatGoesOn(id)
  }
}

/// `portcullis client disable`
struct ClientDisableCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "disable", abstract: "Keeps a client from getting tokens.",
    discussion: """
      Tokens that it has stay good until they expire; "portcullis sign-ins revoke --client" ends them at once.
      """)

  @Argument(help: "The client's id.")
  var id: String
  @OptionGroup var option: UsersFileOption

  func run() throws {
    try option.change { text throws(UsersEditFault) in _ = try text.disable(client: id) }
    ClientCommand.sayWhatGoesOn(id)
  }
}

/// `portcullis client enable`
struct ClientEnableCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "enable", abstract: "Lets a client get tokens again.")

  @Argument(help: "The client's id.")
  var id: String
  @OptionGroup var option: UsersFileOption

  func run() throws { try option.change { text throws(UsersEditFault) in _ = try text.enable(client: id) } }
}
