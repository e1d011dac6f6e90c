import JSON

/// What `POST /revoke` asks for.
public struct RevocationOrder: Sendable, Equatable {
  /// What is to be ended.
  public enum Name: Sendable, Equatable {
    /// One sign-in or session, by its `sid`.
    case signIn(String)
    /// All sign-ins and sessions of one user or program, by the `sub`.
    case subject(String)
    /// One token, by its `jti`. From `expiresAt`, its `exp` in seconds since 1970, it is refused anyway.
    case token(String, expiresAt: Int64)
  }

  /// The name of the provider that issued it.
  public let provider: String
  /// What is to be ended.
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

/// What became of a `RevocationOrder`.
public enum RevocationOutcome: Sendable {
  /// Every loop refuses their tokens: the ids of the sign-ins and sessions that were active; empty: none was.
  case ended([String])
  /// Every loop refuses that one token.
  case revoked
  /// There is nothing to end, for this reason.
  case nothing(String)
  /// It would not outlast a restart, as the provider has no store; says what to do instead.
  case refused(String)
  /// The store failed, with these words.
  case failed(String)
}
