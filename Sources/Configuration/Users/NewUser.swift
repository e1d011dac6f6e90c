public import Tokens

/// A user or a program that is to be added to a users file.
public struct NewUser: Sendable {
  /// Which list of the file it belongs to: `user` to `users`, `client` to `clients`.
  public enum Kind: Sendable, Equatable { case user, client }

  /// Whether it is a user or a program.
  public let kind: Kind
  /// What tokens say in `sub`; of a program, also its `client_id`.
  public let id: String
  /// What a user types to sign in; nil for a program.
  public let username: String?
  /// The hash of the password, or of the program's secret, as libxcrypt writes it (crypt(5)).
  public let passwordHash: String
  /// Roles for `require.roles`.
  public var roles: [String] = []
  /// Permissions for `require.permissions`.
  public var permissions: [String] = []
  /// The scopes of the tokens.
  public var scopes: [String] = []
  /// Further claims of a user's tokens; a program has none.
  public var claims: [ClaimMember] = []
  /// Whether no one can sign in as the user, or the program gets no tokens.
  public var isDisabled = false

  /// A user, without roles or anything else that may be granted.
  public init(id: String, username: String, passwordHash: String) {
    kind = .user
    self.id = id
    self.username = username
    self.passwordHash = passwordHash
  }

  /// A program, without roles or anything else that may be granted.
  public init(clientID: String, secretHash: String) {
    kind = .client
    id = clientID
    username = nil
    passwordHash = secretHash
  }

  /// Reads `name=value` of a command line: the value as the file takes it without quotes. nil where there is no name.
  public static func claim(_ text: String) -> ClaimMember? {
    guard let equals = text.firstIndex(of: "="), equals != text.startIndex else { return nil }
    let value = UserClaimText.value(plain: String(text[text.index(after: equals)...]))
    return ClaimMember(name: String(text[..<equals]), value: value)
  }

  /// Why it cannot be written into a file as it is; nil: it can.
  ///
  /// YAML has line breaks within quotes for spaces, and other control characters for none at all.
  public var fault: String? {
    var texts = [("the id", id), ("the username", username ?? "")]
    texts += roles.map { ("the role", $0) }
    texts += permissions.map { ("the permission", $0) }
    texts += scopes.map { ("the scope", $0) }
    for claim in claims {
      texts.append(("the claim", claim.name))
      if case .string(let text) = claim.value { texts.append(("the claim's value", text)) }
    }
    for (noun, text) in texts where text.unicodeScalars.contains(where: isControl) {
      let shown = text.unicodeScalars.map { isControl($0) ? $0.escaped(asASCII: true) : String($0) }.joined()
      return "\(noun) \"\(shown)\" contains a control character or a line break"
    }
    return nil
  }

  private func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator: true
    default: false
    }
  }

  /// The element of the list, in lines that begin at the column of its dash.
  var lines: [String] {
    var lines = ["id: \(YAMLScalar.written(id))"]
    if let username { lines.append("username: \(YAMLScalar.written(username))") }
    lines.append("\(kind == .user ? "password_hash" : "secret_hash"): \(YAMLScalar.written(passwordHash))")
    for (name, values) in [("roles", roles), ("permissions", permissions), ("scopes", scopes)] where !values.isEmpty {
      lines.append("\(name): [\(values.map { YAMLScalar.written($0) }.joined(separator: ", "))]")
    }
    if !claims.isEmpty {
      let members = claims.map { "\(YAMLScalar.written($0.name)): \(YAMLScalar.written($0.value))" }
      lines.append("claims: { \(members.joined(separator: ", ")) }")
    }
    if isDisabled { lines.append("disabled: true") }
    return lines.enumerated().map { $0.offset == 0 ? "- \($0.element)" : "  \($0.element)" }
  }
}

/// Texts as YAML writes them, inside brackets and outside.
enum YAMLScalar {
  static func written(_ text: String) -> String {
    let isPlain =
      text.utf8.first.map { isLetterOrDigit($0) || $0 == UInt8(ascii: "$") || $0 == UInt8(ascii: "_") } ?? false
      && text.utf8.allSatisfy { isLetterOrDigit($0) || "_.@/$+-".utf8.contains($0) }
    if isPlain { return text }
    return "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
  }

  /// A claim's value: a text that would read as something else gets quotes.
  static func written(_ value: ClaimValue) -> String {
    switch value {
    case .boolean(let truth): "\(truth)"
    case .integer(let number): "\(number)"
    case .string(let text):
      UserClaimText.value(plain: text) == value ? written(text) : "'\(text)'"
    case .list(let elements): "[\(elements.map { written($0) }.joined(separator: ", "))]"
    case .null, .number, .object: "''"
    }
  }

  private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: false
    }
  }
}
