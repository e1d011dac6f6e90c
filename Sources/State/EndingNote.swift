/// That a command has ended sign-ins or sessions, for the logs of the gateways that use the same database.
public struct EndingNote: Sendable, Equatable {
  /// What it was told to end.
  public enum Name: Sendable, Equatable {
    /// All of one subject.
    case subject(String)
    /// One, by its id.
    case signIn(String)
    /// Several by their ids, or all of the provider.
    case several
  }

  /// What it was told to end.
  public let name: Name
  /// How many it has ended.
  public let count: Int

  /// That so many were ended.
  public init(_ name: Name, count: Int) {
    self.name = name
    self.count = count
  }

  /// As the database has it: the number, then the claim and its value.
  init?(_ text: String) {
    let parts = text.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
    guard let first = parts.first, let count = Int(first) else { return nil }
    switch (parts.dropFirst().first, parts.count) {
    case ("sub", 3): name = .subject(String(parts[2]))
    case ("sid", 3): name = .signIn(String(parts[2]))
    case (nil, 1): name = .several
    default: return nil
    }
    self.count = count
  }

  /// As `init` reads it.
  var text: String {
    switch name {
    case .subject(let subject): "\(count) sub \(subject)"
    case .signIn(let id): "\(count) sid \(id)"
    case .several: "\(count)"
    }
  }
}

extension EndedSignIn {
  /// What was noted; nil: this has ended, and is no note.
  public var note: EndingNote? { kind == .note ? EndingNote(id) : nil }

  /// - Parameter now: Seconds since 1970.
  init(_ note: EndingNote, provider: String, now: Int64) {
    self.init(.note, id: note.text, provider: provider, until: now + EndedSignIn.clockSlackSeconds)
  }
}
