import Configuration
import JSON
import Sockets
import State

/// Who has signed in at a provider: here, or there, with a session here.
enum SignInsOfProvider {
  /// `users` is nil where nobody signs in.
  case signIns(SQLiteSignInStore, provider: String, users: UsersFile?)
  case sessions(SQLiteSessionStore, provider: String, idleSeconds: Int64)
  /// There is no database yet. It is the gateway that makes it: whoever looks may be another user.
  case none

  /// Whose sign-ins are looked for.
  enum Person {
    /// Of that name; or of that id, who may be in the file no more.
    case user(String)
    /// A program of that id.
    case client(String)

    /// - Throws: An exit status, after it was said that the id is of the other kind: whoever means a user who is no longer
    ///   in the file must not end a program's sign-in.
    fileprivate func subject(in users: UsersFile?) throws -> String {
      switch self {
      case .user(let name):
        if let user = users?.user(named: name) { return user.id }
        guard users?.client(id: name) == nil else {
          throw isOther("\(TextTable.shown(name)) is a program: use --client")
        }
        return name
      case .client(let id):
        guard let users else { throw isOther("programs do not sign in at this provider: use --user") }
        guard users.user(id: id) == nil else { throw isOther("\(TextTable.shown(id)) is a user: use --user") }
        return id
      }
    }

    private func isOther(_ message: String) -> any Error {
      StandardError.print(message)
      return ExitStatus.usage
    }
  }

  /// - Throws: An exit status, after what is wrong was said.
  init(_ provider: ProviderConfiguration) throws {
    if let file = provider.signInsFile ?? provider.sessionsFile, try !SignInsOfProvider.isThere(file) {
      self = .none
      return
    }
    do throws(StoreFault) {
      if let file = provider.signInsFile {
        self = .signIns(try SQLiteSignInStore(path: file), provider: provider.name, users: provider.signIn?.users)
        return
      }
      if let file = provider.sessionsFile, let flow = provider.codeFlow {
        self = .sessions(
          try SQLiteSessionStore(path: file), provider: provider.name, idleSeconds: flow.idleSeconds)
        return
      }
    } catch {
      StandardError.print("\(error)")
      throw ExitStatus.unavailable
    }
    StandardError.print(
      "provider \"\(provider.name)\" has no \"signing\" and no \"code_flow\": nobody signs in here")
    throw ExitStatus.usage
  }

  /// - Throws: An exit status, after what is wrong was said: where nobody may look, there may be somebody.
  private static func isThere(_ file: String) throws -> Bool {
    do throws(SystemError) {
      _ = try FileStatus(path: file)
      return true
    } catch {
      if error.isNotThere { return false }
      StandardError.print("\(error)")
      throw ExitStatus.unavailable
    }
  }

  /// Those that go on.
  ///
  /// - Parameter person: Restricts the table to theirs; nil: all.
  func table(of person: Person?) throws -> TextTable {
    switch self {
    case .signIns(let store, let provider, let users):
      var table = TextTable(["ID", "USER", "BY", "SINCE", "LAST USED", "UNTIL", "FROM", "WITH"])
      let subject = try person?.subject(in: users)
      for record in try wait({ store.list(provider: provider, subject: subject, now: now, completion: $0) }) {
        let name = users?.user(id: record.subject)?.username ?? record.subject
        table.add([
          TextTable.shown(record.id), TextTable.shown(name), record.methods.joined(separator: ","),
          TimeText.text(record.authenticatedAt), TimeText.text(record.lastUsedAt), TimeText.text(record.expiresAt),
          TextTable.shown(record.clientAddress), TextTable.shown(record.userAgent),
        ])
      }
      return table
    case .none: return TextTable(["ID", "USER"])
    case .sessions(let store, let provider, let idleSeconds):
      var table = TextTable(["ID", "USER", "NAME", "SINCE", "LAST USED", "UNTIL"])
      let subject = try person?.subject(in: nil)
      let sessions = try wait {
        store.list(
          provider: provider, subject: subject, now: now, idleSeconds: idleSeconds, completion: $0)
      }
      for session in sessions {
        table.add([
          TextTable.shown(session.id), TextTable.shown(session.subject), TextTable.shown(session.name),
          TimeText.text(session.beganAt), TimeText.text(session.lastUsedAt), TimeText.text(session.expiresAt),
        ])
      }
      return table
    }
  }

  /// Ends one; false where there is none of that id that goes on.
  func end(id: String) throws -> Bool {
    try wait { completion in
      switch self {
      case .none: completion(.success(false))
      case .signIns(let store, let provider, _):
        store.end(id: id, provider: provider, now: now, completion: completion)
      case .sessions(let store, let provider, _):
        store.end(id: id, provider: provider, now: now, completion: completion)
      }
    }
  }

  /// Ends all of somebody's, or of everybody.
  ///
  /// - Parameter ended: Called with the id of each when that is on the disk.
  func endAll(of person: Person?, ended: (String) -> Void) throws {
    switch self {
    case .signIns(let store, let provider, let users):
      if let subject = try person?.subject(in: users) {
        try wait { store.endAll(subject: subject, provider: provider, now: now, completion: $0) }.forEach(ended)
      } else {
        let records = try wait { store.list(provider: provider, subject: nil, now: now, completion: $0) }
        for record in records where try end(id: record.id) { ended(record.id) }
      }
    case .none: break
    case .sessions(let store, let provider, _):
      let subject = try person?.subject(in: nil)
      try wait { store.endAll(subject: subject, provider: provider, now: now, completion: $0) }.forEach(ended)
    }
  }

  /// Has running gateways say in their logs what was ended.
  ///
  /// - Parameters:
  ///   - ids: Those that were named; empty: all of `person`, or of everybody, were meant.
  ///   - count: How many have ended.
  func note(_ person: Person?, _ ids: [String], count: Int) throws {
    func note(_ subject: String?) -> EndingNote {
      if let subject { return EndingNote(.subject(subject), count: count) }
      return EndingNote(ids.count == 1 ? .signIn(ids[0]) : .several, count: count)
    }
    switch self {
    case .none: break
    case .signIns(let store, let provider, let users):
      let note = note(try person?.subject(in: users))
      try wait { store.note(note, provider: provider, now: now, completion: $0) }
    case .sessions(let store, let provider, _):
      let note = note(try person?.subject(in: nil))
      try wait { store.note(note, provider: provider, now: now, completion: $0) }
    }
  }

  private var now: Int64 { WallClock.seconds }

  /// What is called back.
  private func wait<Value: Sendable>(
    _ body: (@escaping @Sendable (Result<Value, StoreFault>) -> Void) -> Void
  ) throws -> Value {
    do throws(StoreFault) {
      return try StoreCompletion.wait(body)
    } catch {
      StandardError.print("\(error)")
      throw ExitStatus.unavailable
    }
  }
}

extension ListedSession {
  /// What people know somebody by whose subject may be any letters; empty where the provider does not say.
  fileprivate var name: String {
    let claims = try? JSON.parse(self.claims.span).object
    return claims?["preferred_username"]?.string ?? claims?["email"]?.string ?? ""
  }
}
