import ArgumentParser
import Configuration
import Sockets

/// `portcullis sign-ins`
struct SignInsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sign-ins", abstract: "Lists and ends sign-ins and sessions, while a gateway runs.",
    subcommands: [SignInsListCommand.self, SignInsRevokeCommand.self])
}

/// A provider's sign-ins.
struct SignInsOption: ParsableArguments {
  @OptionGroup var option: ProviderOption
  @Option(
    name: .long, parsing: .unconditional,
    help: ArgumentHelp(
      """
      One user's: the username; or the id, also of one who is no longer in the file. If users sign in elsewhere \
      (code_flow), the subject.
      """, valueName: "name"))
  var user: String?
  // A program may be called as a user is.
  @Option(
    name: .long, parsing: .unconditional,
    help: ArgumentHelp("One program's: its id. All tokens of one secret are one sign-in.", valueName: "id"))
  var client: String?

  /// Whose sign-ins are meant; nil: everybody's.
  var person: SignInsOfProvider.Person? { user.map { .user($0) } ?? client.map { .client($0) } }

  /// - Throws: An exit status, after what is wrong was said.
  func open() throws -> SignInsOfProvider { try SignInsOfProvider(try option.load()) }
}

/// `portcullis sign-ins list`
struct SignInsListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists the active sign-ins, most recently used first.")

  @OptionGroup var option: SignInsOption

  func validate() throws {
    guard option.user == nil || option.client == nil else {
      throw ValidationError("--user and --client cannot be given together")
    }
  }

  func run() throws { try StandardOutput.print(try option.open().table(of: option.person).text) }
}

/// `portcullis sign-ins revoke`
struct SignInsRevokeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "revoke", abstract: "Ends sign-ins: their tokens and sessions are refused from now on.",
    discussion: """
      A running gateway refuses them within a second, and says in its log what was ended. The id of each ended sign-in \
      goes to standard output once that is on the disk.
      """)

  @OptionGroup var option: SignInsOption
  // An id may begin with a dash.
  @Option(
    name: .long, parsing: .unconditionalSingleValue,
    help: ArgumentHelp("One sign-in, as list shows it; may be repeated.", valueName: "id"))
  var id: [String] = []
  @Flag(name: .long, help: "All of the provider's.")
  var all = false

  func validate() throws {
    guard [option.user != nil, option.client != nil, !id.isEmpty, all].count(where: { $0 }) == 1 else {
      throw ValidationError("one of --user, --client, --id and --all is needed")
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
      try found.endAll(of: option.person, ended: ended)
    } else {
      for id in id where try found.end(id: id) { ended(id) }
    }
    if count > 0 { try found.note(option.person, id, count: count) }
    if let fault { throw fault }
    guard count == 0 else { return }
    let mistake = option.person.flatMap { unknown($0, provider.signIn?.users) } ?? ""
    StandardError.print("no sign-in was ended: none is active\(mistake)")
    throw ExitStatus.refused
  }

  /// That the file has nobody of the name: whoever mistyped it would take them for signed out.
  private func unknown(_ person: SignInsOfProvider.Person, _ users: UsersFile?) -> String? {
    guard let users else { return nil }
    switch person {
    case .user(let name):
      guard users.user(named: name) == nil, users.user(id: name) == nil else { return nil }
      return ", and \(users.path) has no user \(TextTable.shown(name))"
    case .client(let id):
      guard users.client(id: id) == nil else { return nil }
      return ", and \(users.path) has no client \(TextTable.shown(id))"
    }
  }
}
