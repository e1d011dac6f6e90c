import ArgumentParser
import Configuration
import Dispatch
import Sockets
import State
import Synchronization

/// `portcullis sign-ins`
struct SignInsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sign-ins", abstract: "Lists and ends sign-ins, beside a gateway that runs.",
    subcommands: [SignInsListCommand.self, SignInsRevokeCommand.self])
}

/// A provider's sign-ins.
struct SignInsOption: ParsableArguments {
  @OptionGroup var option: ProviderOption
  @Option(
    name: .long,
    help: ArgumentHelp(
      "One user's: the username; or the id, also of who is not in the file any more.", valueName: "name"))
  var user: String?

  /// - Throws: An exit status, after what is wrong was said.
  func open() throws -> SignInsOfProvider {
    let provider = try option.load()
    guard let file = provider.signInsFile else {
      StandardError.print("provider \"\(provider.name)\" has no \"signing\": nobody signs in here")
      throw ExitStatus.usage
    }
    do throws(StoreFault) {
      let users = provider.signIn?.users
      return SignInsOfProvider(
        store: try SQLiteSignInStore(path: file), provider: provider.name, users: users,
        subject: user.map { users?.user(named: $0)?.id ?? $0 })
    } catch {
      StandardError.print("\(error)")
      throw ExitStatus.unavailable
    }
  }

  /// What is called back.
  static func wait<Value: Sendable>(
    _ body: (@escaping SQLiteSignInStore.Completion<Value>) -> Void
  ) throws -> Value {
    let answer = Answer<Value>()
    body { result in
      answer.result.withLock { $0 = result }
      answer.isThere.signal()
    }
    answer.isThere.wait()
    switch answer.result.withLock({ $0 }) {
    case .success(let value): return value
    case .failure(let fault): StandardError.print("\(fault)")
    case nil: break
    }
    throw ExitStatus.unavailable
  }

  private final class Answer<Value: Sendable>: Sendable {
    let result = Mutex<Result<Value, StoreFault>?>(nil)
    let isThere = DispatchSemaphore(value: 0)
  }
}

/// What the options lead to.
struct SignInsOfProvider {
  let store: SQLiteSignInStore
  let provider: String
  /// nil where nobody signs in.
  let users: UsersFile?
  /// The id of the user who is named.
  let subject: String?
}

/// `portcullis sign-ins list`
struct SignInsListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists the sign-ins that go on, those used last first.")

  @OptionGroup var option: SignInsOption

  func run() throws {
    let found = try option.open()
    let now = WallClock.nanoseconds / 1_000_000_000
    let records = try SignInsOption.wait {
      found.store.list(provider: found.provider, subject: found.subject, now: now, completion: $0)
    }
    var table = TextTable(["ID", "USER", "BY", "SINCE", "LAST USED", "UNTIL", "FROM", "WITH"])
    for record in records {
      let name = found.users?.user(id: record.subject)?.username ?? record.subject
      table.add([
        TextTable.shown(record.id), TextTable.shown(name), record.methods.joined(separator: ","),
        TimeText.text(record.authenticatedAt), TimeText.text(record.lastUsedAt), TimeText.text(record.expiresAt),
        TextTable.shown(record.clientAddress), TextTable.shown(record.userAgent),
      ])
    }
    print(table.text)
  }
}

/// `portcullis sign-ins revoke`
struct SignInsRevokeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "revoke", abstract: "Ends sign-ins: their tokens are refused from now on.",
    discussion: """
      A gateway that runs refuses the tokens within a second. The id of each sign-in that was ended goes to standard \
      output once that is on the disk.
      """)

  @OptionGroup var option: SignInsOption
  @Option(name: .long, help: ArgumentHelp("One sign-in, as list says it; may be repeated.", valueName: "id"))
  var id: [String] = []
  @Flag(name: .long, help: "All of the provider.")
  var all = false

  func validate() throws {
    guard [option.user != nil, !id.isEmpty, all].count(where: { $0 }) == 1 else {
      throw ValidationError("one of --user, --id and --all is needed")
    }
  }

  func run() throws {
    let found = try option.open()
    let (store, provider) = (found.store, found.provider)
    let now = WallClock.nanoseconds / 1_000_000_000
    var count = 0
    func ended(_ id: String) {
      count += 1
      StandardStream.output.write(id + "\n")
    }
    if let subject = found.subject {
      try SignInsOption.wait { store.endAll(subject: subject, provider: provider, now: now, completion: $0) }
        .forEach(ended)
    } else {
      var ids = id
      if all {
        let records = try SignInsOption.wait {
          store.list(provider: provider, subject: nil, now: now, completion: $0)
        }
        ids = records.map(\.id)
      }
      for id in ids where try SignInsOption.wait({ store.end(id: id, provider: provider, now: now, completion: $0) }) {
        ended(id)
      }
    }
    guard count == 0 else { return }
    StandardError.print("no sign-in was ended: there is none that goes on")
    throw ExitStatus.refused
  }
}
