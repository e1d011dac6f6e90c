/// Who may sign in, as a users file says. Equal to another one of the same path, as `NamedFile` is: its contents change
/// without a change of the configuration.
public struct UsersFile: Sendable, Equatable {
  /// As the operator named it.
  public let path: String
  /// People, disabled ones too, in the order of the file.
  public let users: [User]
  /// Programs, disabled ones too, in the order of the file.
  public let clients: [MachineClient]
  /// Whether its passwords are known to everyone: it is for listeners on loopback alone (SECURITY A-5).
  public let isDemo: Bool
  // Swift takes texts for equal that have other bytes: keys are bytes.
  private let usersByName: [[UInt8]: Int]
  private let usersByID: [[UInt8]: Int]
  private let clientsByID: [[UInt8]: Int]

  init(path: String, users: [User], clients: [MachineClient], isDemo: Bool) {
    self.path = path
    self.users = users
    self.clients = clients
    self.isDemo = isDemo
    usersByName = UsersFile.index(users, by: \.username)
    usersByID = UsersFile.index(users, by: \.id)
    clientsByID = UsersFile.index(clients, by: \.id)
  }

  /// A file without users and clients that is on no disk.
  public static let nobody = UsersFile(path: "", users: [], clients: [], isDemo: false)

  /// Whether both have the same path.
  public static func == (left: UsersFile, right: UsersFile) -> Bool { left.path == right.path }

  private static func index<Element>(_ elements: [Element], by text: (Element) -> String) -> [[UInt8]: Int] {
    var places: [[UInt8]: Int] = [:]
    for (place, element) in elements.enumerated() { places[Array(text(element).utf8)] = place }
    return places
  }

  /// The user of that name, disabled ones too.
  public func user(named username: String) -> User? { usersByName[Array(username.utf8)].map { users[$0] } }

  /// The user with that id, disabled ones too.
  public func user(id: String) -> User? { usersByID[Array(id.utf8)].map { users[$0] } }

  /// The program with that id, disabled ones too.
  public func client(id: String) -> MachineClient? { clientsByID[Array(id.utf8)].map { clients[$0] } }

  /// Reads and validates a file. Blocks.
  ///
  /// The file must not be open to others, nor be writable by its group, and must belong to the user that this process or
  /// the gateway runs as, or to root: whoever can write it can sign in as anyone.
  ///
  /// - Parameter gatewayUser: The user that the gateway runs as, where it is known to be another than this process's.
  /// - Returns: The users; or all faults of the file, of which a syntax error hides others.
  public static func load(path: String, gatewayUser: UInt32? = nil) -> Result<UsersFile, Diagnostics> {
    do throws(FileSystem.Fault) {
      let status = try FileSystem.status(path, gatewayUser: gatewayUser)
      if let fault = fault(of: status, path, gatewayUser) { return .failure(fault) }
      return parse(try FileSystem.read(path), file: path)
    } catch {
      let message = "cannot be read: \(error.message)"
      return .failure(
        Diagnostics([Diagnostic(file: path, position: nil, message: message, mayPass: error.mayPass)]))
    }
  }

  /// Why a file is refused that more may use than should (SECURITY L-3).
  public struct Opening: Sendable, Equatable {
    /// Who may do what, as words that follow the file's name.
    public let fault: String
    /// The mode that puts it right, as `chmod` takes it.
    public let mode: String

    /// nil: nobody but owner and group may use the file, and nobody but its owner may write it.
    ///
    /// - Parameter mode: Permission bits, as `chmod` takes them.
    public init?(mode: UInt32) {
      if mode & 0o007 != 0 {
        (fault, self.mode) = ("can be used by others", "600")
      } else if mode & 0o020 != 0 {
        (fault, self.mode) = ("can be written by its group, and whoever can do that can sign in as anyone", "640")
      } else {
        return nil
      }
    }
  }

  private static func fault(of status: FileSystem.Status, _ path: String, _ gatewayUser: UInt32?) -> Diagnostics? {
    let message: String
    if status.kind != .file {
      message = "is not a file"
    } else if !status.isOwnedByUs {
      let (user, group) = (status.owner.user, status.owner.group)
      let advice =
        gatewayUser.map { "The gateway's state belongs to uid \($0), which must own it: run chown \($0) \(path)" }
        ?? "If the gateway runs as that user, run this as it: setpriv --reuid=\(user) --regid=\(group) "
        + "--clear-groups …; if not, give the file to the gateway's user"
      message = "belongs to uid \(user), who could sign in as anyone. \(advice)"
    } else if let opening = Opening(mode: status.mode) {
      message = "\(opening.fault); run chmod \(opening.mode) \(path)"
    } else {
      return nil
    }
    return Diagnostics([Diagnostic(file: path, position: nil, message: message)])
  }

  /// Validates the text of a file.
  public static func parse(_ bytes: [UInt8], file: String) -> Result<UsersFile, Diagnostics> {
    func failure(_ faults: [(position: Position, message: String)]) -> Result<UsersFile, Diagnostics> {
      .failure(Diagnostics(faults.map { Diagnostic(file: file, position: $0.position, message: $0.message) }))
    }

    let events: [YAMLEvent]
    do throws(YAMLSyntaxFault) {
      events = try YAMLReader.events(of: bytes)
    } catch {
      return failure([error.diagnosis(in: bytes)])
    }
    var composer = NodeComposer(events, environment: nil)
    guard let root = composer.compose() else {
      return failure([(Position(line: 1, column: 1), "the file is empty; \"users\" or \"clients\" is required")])
    }
    var decoding = Decoding(folder: ".")
    guard let draft = UsersFileDraft.keys.decode(root, &decoding) else {
      return failure(composer.faults + decoding.faults)
    }
    let users = draft.value.file(file, draft.places, &decoding)
    let faults = composer.faults + decoding.faults
    return faults.isEmpty ? .success(users) : failure(faults)
  }
}
