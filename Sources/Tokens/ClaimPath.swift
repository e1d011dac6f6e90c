/// The text is no claim path.
public struct ClaimPathError: Error, Sendable, Equatable {}

/// Where a claim stands: a name, or names of nested objects.
public struct ClaimPath: Sendable, Hashable, CustomStringConvertible {
  /// From the outside in; at least one.
  public let names: [String]
  /// Whether it leads to `email`, which is somebody's only once it is verified (`ClaimsSet.EmailTrust`).
  let isEmail: Bool

  /// A claim of that name, dots and all.
  public init(name: String) { self.init(names: [name]) }

  private init(names: [String]) {
    self.names = names
    isEmail = names == ["email"]
  }

  /// Names with dots between, as the configuration writes them: `realm_access.roles`. `\.` is a dot in a name and `\\`
  /// a backslash.
  ///
  /// - Throws: Where a name is empty, or a backslash stands before anything else.
  public init(_ text: String) throws(ClaimPathError) {
    var names: [String] = []
    var name = ""
    var isEscaped = false
    for character in text.unicodeScalars {
      switch character {
      case "\\" where !isEscaped:
        isEscaped = true
        continue
      case "." where !isEscaped:
        guard !name.isEmpty else { throw ClaimPathError() }
        names.append(name)
        name = ""
      default:
        guard !isEscaped || character == "." || character == "\\" else { throw ClaimPathError() }
        name.unicodeScalars.append(character)
      }
      isEscaped = false
    }
    guard !isEscaped, !name.isEmpty else { throw ClaimPathError() }
    self.init(names: names + [name])
  }

  /// As the configuration writes it.
  public var description: String {
    names.map { name in
      var text = ""
      for character in name.unicodeScalars {
        if character == "." || character == "\\" { text += "\\" }
        text.unicodeScalars.append(character)
      }
      return text
    }.joined(separator: ".")
  }
}

/// Which claims say who someone is and what they may do.
public struct ClaimMapping: Sendable, Hashable {
  /// Who the token is about; `sub` by default (RFC 7519 §4.1.2).
  public var subject = ClaimPath(name: "sub")
  /// The claim with the roles; `roles` by default (RFC 9068 §2.2.3.1).
  public var roles = ClaimPath(name: "roles")
  /// The claim with the scopes; `scope` by default (RFC 9068 §2.2.3).
  public var scopes = ClaimPath(name: "scope")
  /// The claim with the permissions; `permissions` by default.
  public var permissions = ClaimPath(name: "permissions")

  /// The defaults.
  public init() {}
}
