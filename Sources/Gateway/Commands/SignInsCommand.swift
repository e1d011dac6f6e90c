import ArgumentParser
import Configuration
import Sockets

/// `portcullis sign-ins`
struct SignInsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sign-ins", abstract: "Lists and ends sign-ins and sessions, beside a gateway that runs.",
    subcommands: [SignInsListCommand.self, SignInsRevokeCommand.self])
}

/// A provider's sign-ins.
struct SignInsOption: ParsableArguments {
  @OptionGroup var option: ProviderOption
  @Option(
    name: .long, parsing: .unconditional,
    help: ArgumentHelp(
      """
      One user's: the username; or the id, also of who is not in the file any more. Where people sign in elsewhere \
      (code_flow), the subject.
      """, valueName: "name"))
  var user: String?

  /// - Throws: An exit status, after what is wrong was said.
  func open() throws -> SignInsOfProvider { try SignInsOfProvider(try option.load()) }
}

/// `portcullis sign-ins list`
struct SignInsListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists the sign-ins that go on, those used last first.")

  @OptionGroup var option: SignInsOption

  func run() throws { try StandardOutput.print(try option.open().table(of: option.user).text) }
}

/// `portcullis sign-ins revoke`
struct SignInsRevokeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "revoke", abstract: "Ends sign-ins: their tokens and sessions are refused from now on.",
    discussion: """
      A gateway that runs refuses them within a second. The id of each sign-in that was ended goes to standard output \
      once that is on the disk.
      """)

  @OptionGroup var option: SignInsOption
  // An id may begin with a dash.
  @Option(
    name: .long, parsing: .unconditionalSingleValue,
    help: ArgumentHelp("One sign-in, as list says it; may be repeated.", valueName: "id"))
  var id: [String] = []
  @Flag(name: .long, help: "All of the provider.")
  var all = false

  func validate() throws {
    guard [option.user != nil, !id.isEmpty, all].count(where: { $0 }) == 1 else {
      throw ValidationError("one of --user, --id and --all is needed")
    }
  }

  func run() throws {
    let provider = try option.option.load()
    let found = try SignInsOfProvider(provider)
    var count = 0
    var fault: (any Error)?
    // All are ended, whoever can be told of them.
    func ended(_ id: String) {
      count += 1
      do {
        if fault == nil { try StandardOutput.print(id) }
      } catch {
        fault = error
      }
    }
    if id.isEmpty {
      try found.endAll(of: option.user, ended: ended)
    } else {
      for id in id where try found.end(id: id) { ended(id) }
    }
    if let fault { throw fault }
    guard count == 0 else { return }
    let mistake = option.user.flatMap { unknown($0, provider.signIn?.users) } ?? ""
    StandardError.print("no sign-in was ended: there is none that goes on\(mistake)")
    throw ExitStatus.refused
  }

  /// That the file has nobody of the name: whoever mistyped it would take them for signed out.
  private func unknown(_ user: String, _ users: UsersFile?) -> String? {
    guard let users, users.user(named: user) == nil, users.user(id: user) == nil, users.client(id: user) == nil
    else { return nil }
    return ", and \(users.path) has no user \(TextTable.shown(user))"
  }
}
