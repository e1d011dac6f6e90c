import ArgumentParser
import Configuration
import Crypto
import Sockets

/// `portcullis user import`
struct UserImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import", abstract: "Adds the users of an htpasswd or shadow file, with their passwords.",
    discussion: """
      Each line is name:hash, or the nine fields of shadow(5); anything after a further colon is ignored. Accounts \
      without a password, and those that are locked or have expired, are skipped. All are added, or none.
      """)

  @Argument(help: "The file; - is standard input.", completion: .file())
  var file: String
  @OptionGroup var option: UsersFileOption
  @OptionGroup var grants: GrantOptions

  private static let lineBytesMax = 4096

  func run() throws {
    var users: [(user: NewUser, line: Int)] = []
    var lines: [[UInt8]: Int] = [:]
    var faults: [String] = []
    var number = 0
    let today = WallClock.seconds / 86_400
    do throws(SystemError) {
      try FileAccess.forEachLine(
        of: file == "-" ? "/dev/stdin" : file, bytesMax: UserImportCommand.lineBytesMax
      ) { bytes, extent in
        number += 1
        guard extent == .whole else {
          let most = UserImportCommand.lineBytesMax
          return faults.append("\(file):\(number): a line has at most \(most) bytes")
        }
        guard UserImportCommand.isText(bytes) else {
          return faults.append("\(file):\(number): bytes that are not UTF-8")
        }
        switch UserImportCommand.entry(UserImportCommand.text(bytes, number), today: today) {
        case .nothing: break
        case .passedOver(let name, let why):
          StandardError.print("\(file):\(number): \(name) \(why), and is skipped")
        case .fault(let message): faults.append("\(file):\(number): \(message)")
        case .user(let name, let hash, let end):
          let id: String
          do throws(CryptoError) {
            id = try UserAddCommand.newID()
          } catch {
            return faults.append("\(file):\(number): no id could be made: \(error)")
          }
          var user = NewUser(id: id, username: name, passwordHash: hash)
          grants.apply(to: &user)
          if let fault = user.fault { return faults.append("\(file):\(number): \(fault)") }
          if let first = lines[Array(name.utf8)] {
            return faults.append("\(file):\(number): \(TextTable.shown(name)) is already on line \(first)")
          }
          lines[Array(name.utf8)] = number
          users.append((user, number))
          if let end {
            StandardError.print(
              "\(file):\(number): \(TextTable.shown(name)) expires on \(end), which is not kept: disable the user then")
          }
        }
      }
    } catch {
      StandardError.print("\(error)")
      throw ExitStatus.noInput
    }
    for fault in faults { StandardError.print(fault) }
    guard faults.isEmpty, !users.isEmpty else {
      if faults.isEmpty { StandardError.print("\(file): no user with a password") }
      throw ExitStatus.refused
    }
    let found = users
    try option.change(makesFile: true) { text throws(UsersEditFault) in
      let usernames = text.usernames
      let taken = found.compactMap { entry -> String? in
        guard let name = entry.user.username, usernames.contains(Array(name.utf8)) else { return nil }
        return "\(file):\(entry.line): \(option.usersFile) has \(TextTable.shown(name)) already"
      }
      guard taken.isEmpty else { throw UsersEditFault(description: taken.joined(separator: "\n")) }
      try text.add(found.map(\.user))
    }
    try StandardOutput.print("\(found.count) added")
  }

  private static func isText(_ bytes: Span<UInt8>) -> Bool {
    do {
      _ = try UTF8Span(validating: bytes)
      return true
    } catch {
      return false
    }
  }

  /// Without the byte order mark that some editors put in front of a file, and nobody sees.
  static func text(_ line: Span<UInt8>, _ number: Int) -> String {
    let bytes = line.indices.map { line[$0] }
    return String(
      decoding: number == 1 && bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...], as: UTF8.self)
  }

  enum Entry: Equatable {
    case nothing
    case passedOver(String, why: String)
    case fault(String)
    /// `end` is the day on which the account expires.
    case user(String, hash: String, end: String? = nil)
  }

  /// A fault never quotes a hash.
  ///
  /// - Parameter today: Days since 1970.
  static func entry(_ line: String, today: Int64) -> Entry {
    let text = line.hasSuffix("\r") ? line.dropLast() : line[...]
    if text.allSatisfy({ $0 == " " || $0 == "\t" }) || text.hasPrefix("#") { return .nothing }
    let fields = text.split(separator: ":", omittingEmptySubsequences: false)
    guard fields.count >= 2, !fields[0].isEmpty else { return .fault("no name:hash") }
    let (name, hash) = (String(fields[0]), String(fields[1]))
    // shadow(5): no password, none that matches, locked.
    if hash.isEmpty || hash.hasPrefix("*") || hash.hasPrefix("!") {
      return .passedOver(TextTable.shown(name), why: "has no password")
    }
    let aging: ShadowAging?
    do throws(ShadowAgingFault) {
      aging = try ShadowAging(fields)
    } catch {
      return .fault("\(TextTable.shown(name)): \(error)")
    }
    if let refusal = aging?.refusal(today: today) { return .passedOver(TextTable.shown(name), why: refusal) }
    do throws(PasswordHashError) {
      _ = try PasswordHash(stored: hash)
      return .user(name, hash: hash, end: aging?.end)
    } catch {
      return .fault("\(TextTable.shown(name)): \(error)")
    }
  }
}
