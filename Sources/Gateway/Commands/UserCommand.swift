import ArgumentParser
import Configuration
import Crypto

/// `portcullis user`
struct UserCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "user", abstract: "Adds and changes users in a users file.",
    discussion: """
      The file is changed in place: comments and order stay. A gateway that uses it sees a change within a second.
      """,
    subcommands: [
      UserAddCommand.self, UserPasswordCommand.self, UserListCommand.self, UserDisableCommand.self,
      UserEnableCommand.self, UserImportCommand.self,
    ])
}

/// `portcullis user password`
struct UserPasswordCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "password", abstract: "Changes a user's password.")

  @Argument(help: "The username.")
  var name: String
  @OptionGroup var option: UsersFileOption
  @OptionGroup var input: PasswordInput

  func run() throws {
    // Before somebody types a password for nobody.
    guard try option.load().user(named: name) != nil else { throw UserCommand.missing(name) }
    let hash = try input.hash(of: name)
    try option.change { text throws(UsersEditFault) in try text.setPasswordHash(hash, of: name) }
  }
}

extension UserCommand {
  static func missing(_ name: String) -> ExitCode {
    StandardError.print("there is no user \(TextTable.shown(name))")
    return ExitStatus.refused
  }
}

/// `portcullis user list`
struct UserListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists the users and clients of a file.")

  @OptionGroup var option: UsersFileOption

  func run() throws {
    let file = try option.load()
    var table = TextTable(["NAME", "ID", "HASH", "STATE", "ROLES", "PERMISSIONS", "SCOPES"])
    for user in file.users {
      table.add(
        [TextTable.shown(user.username), user.id, user.passwordHash.scheme.rawValue]
          + cells(user.isDisabled, user.roles, user.permissions, user.scopes))
    }
    for client in file.clients {
      table.add(
        ["(client)", client.id, client.secretHash.scheme.rawValue]
          + cells(client.isDisabled, client.roles, client.permissions, client.scopes))
    }
    try StandardOutput.print(table.text)
  }

  private func cells(_ isDisabled: Bool, _ grants: [String]...) -> [String] {
    [isDisabled ? "disabled" : "-"]
      + grants.map { $0.isEmpty ? "-" : $0.map { TextTable.shown($0) }.joined(separator: ",") }
  }
}

/// `portcullis user disable`
struct UserDisableCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "disable", abstract: "Keeps a user from signing in.",
    discussion:
      "A user who is signed in stays so until the next refresh; \"portcullis sign-ins revoke\" ends it at once.")

  @Argument(help: "The username.")
  var name: String
  @OptionGroup var option: UsersFileOption

  func run() throws { try option.change { text throws(UsersEditFault) in _ = try text.disable(name) } }
}

/// `portcullis user enable`
struct UserEnableCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "enable", abstract: "Lets a user sign in again.")

  @Argument(help: "The username.")
  var name: String
  @OptionGroup var option: UsersFileOption

  func run() throws { try option.change { text throws(UsersEditFault) in _ = try text.enable(name) } }
}
