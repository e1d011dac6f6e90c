import JSON

/// What `POST /revoke` asks for.
public struct RevocationOrder: Sendable, Equatable {
  /// What ends.
  public enum Name: Sendable, Equatable {
    /// One sign-in or session.
    case signIn(String)
    /// All of one person's.
    case subject(String)
    /// One token.
    case token(String)
  }

  public let provider: String
  public let name: Name

  /// Of a body such as `{"provider": "local", "sub": "alice"}`.
  ///
  /// - Throws: What is wrong with it.
  init(_ body: Span<UInt8>) throws(RevocationOrderFault) {
    let wanted = #"expected {"provider": "…", "sub": "…"}, with one of sub, sid and jti"#
    guard let members = (try? JSON.parse(body))?.object?.members else { throw RevocationOrderFault(why: wanted) }
    var (provider, name): (String?, Name?)
    for member in members {
      guard let text = member.value.string, !text.isEmpty else {
        throw RevocationOrderFault(why: "\(JSONValue.quotedExcerpt(member.name)) is no text; \(wanted)")
      }
      switch (member.name, name) {
      case ("provider", _): provider = text
      case ("sid", nil): name = .signIn(text)
      case ("sub", nil): name = .subject(text)
      case ("jti", nil): name = .token(text)
      default: throw RevocationOrderFault(why: wanted)
      }
    }
    guard let provider, let name else { throw RevocationOrderFault(why: wanted) }
    self.provider = provider
    self.name = name
  }
}

struct RevocationOrderFault: Error {
  let why: String
}

/// What came of it.
public enum RevocationOutcome: Sendable {
  /// Every loop refuses their tokens: the ids of sign-ins that went on until now.
  case ended([String])
  /// Nothing here could keep it; what to do instead.
  case refused(String)
  /// The store failed; its words.
  case failed(String)
}
