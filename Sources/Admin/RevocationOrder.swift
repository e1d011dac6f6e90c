import JSON

/// What `POST /revoke` asks for.
public struct RevocationOrder: Sendable, Equatable {
  /// What ends.
  public enum Name: Sendable, Equatable {
    /// One sign-in or session.
    case signIn(String)
    /// All of one person's.
    case subject(String)
    /// One token: its `jti`, and its `exp` in seconds since 1970, from when on it is refused anyway.
    case token(String, expiresAt: Int64)
  }

  public let provider: String
  public let name: Name

  /// Of a body such as `{"provider": "local", "sub": "alice"}`.
  ///
  /// - Throws: What is wrong with it.
  init(_ body: Span<UInt8>) throws(RevocationOrderFault) {
    let wanted = #"expected {"provider": "…", "sub": "…"}, with one of sub, sid, or jti and its exp"#
    guard let members = (try? JSON.parse(body))?.object?.members else { throw RevocationOrderFault(why: wanted) }
    var (provider, name, tokenID, expiresAt): (String?, Name?, String?, Int64?)
    for member in members {
      if member.name == "exp", case .integer(let seconds) = member.value {
        expiresAt = seconds
        continue
      }
      guard let text = member.value.string, (1...RevocationOrder.textBytesMax).contains(text.utf8.count) else {
        throw RevocationOrderFault(
          why: "\(JSONValue.quotedExcerpt(member.name)) has the wrong type, or is too long; \(wanted)")
      }
      switch (member.name, name) {
      case ("provider", _): provider = text
      case ("sid", nil): name = .signIn(text)
      case ("sub", nil): name = .subject(text)
      case ("jti", nil): tokenID = text
      default: throw RevocationOrderFault(why: wanted)
      }
    }
    switch (name, tokenID, expiresAt) {
    case (nil, let id?, let expiresAt?): name = .token(id, expiresAt: expiresAt)
    case (_?, nil, nil): break
    default: throw RevocationOrderFault(why: wanted)
    }
    guard let provider, let name else { throw RevocationOrderFault(why: wanted) }
    self.provider = provider
    self.name = name
  }

  /// No token is longer, whatever it says.
  private static let textBytesMax = 8 << 10
}

struct RevocationOrderFault: Error {
  let why: String
}

/// What came of it.
public enum RevocationOutcome: Sendable {
  /// Every loop refuses their tokens: the ids of sign-ins that went on until now.
  case ended([String])
  /// Every loop refuses that one token.
  case revoked
  /// There is nothing that could be ended; why.
  case nothing(String)
  /// Nothing here could keep it; what to do instead.
  case refused(String)
  /// The store failed; its words.
  case failed(String)
}
