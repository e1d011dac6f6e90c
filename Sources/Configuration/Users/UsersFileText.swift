/// Why a users file was not changed.
public struct UsersEditFault: Error, Sendable, CustomStringConvertible {
  /// For operators: what is wrong, and where that helps in which file.
  public let description: String

  /// A fault with that text.
  public init(description: String) { self.description = description }
}

/// The text of a users file, which is changed where it has to be: comments and order stay.
public struct UsersFileText: Sendable {
  /// The text with the changes made so far, in UTF-8 without a byte order mark.
  public private(set) var bytes: [UInt8]
  private let path: String
  /// nil: the text holds nobody yet.
  private var root: Node?

  /// Takes the text of a file.
  ///
  /// - Parameters:
  ///   - bytes: A valid file, or one that is empty or has only comments.
  ///   - path: Its name, for faults.
  /// - Throws: The faults of a file that is not valid.
  public init(_ bytes: [UInt8], path: String) throws(Diagnostics) {
    self.path = path
    self.bytes = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes.dropFirst(3)) : bytes
    root = UsersFileText.compose(self.bytes)
    if root != nil || UsersFileText.isSyntaxFault(self.bytes) { _ = try UsersFile.parse(bytes, file: path).get() }
  }

  private static func compose(_ bytes: [UInt8]) -> Node? {
    guard let events = try? YAMLReader.events(of: bytes) else { return nil }
    var composer = NodeComposer(events, environment: nil)
    return composer.compose()
  }

  private static func isSyntaxFault(_ bytes: [UInt8]) -> Bool { (try? YAMLReader.events(of: bytes)) == nil }

  /// The usernames that are taken, as their bytes: two that look alike are two.
  public var usernames: Set<[UInt8]> {
    Set(users.compactMap { user in user.member("username")?.scalarText.map { [UInt8]($0.utf8) } })
  }

  // MARK: Changes

  /// Adds them at the end of their list, which is made if there is none. All have to be of the kind of the first.
  ///
  /// - Throws: If one of them cannot be written, has the name or id of another, or the list is written in brackets.
  ///   Nothing is changed then.
  public mutating func add(_ users: [NewUser]) throws(UsersEditFault) {
    guard let kind = users.first?.kind else { return }
    if let fault = users.lazy.compactMap(\.fault).first { throw UsersEditFault(description: fault) }
    for user in users { try refuseAnother(user) }
    let name = kind == .user ? "users" : "clients"
    let lines = users.flatMap(\.lines)
    guard let root else { return try change(at: bytes.count, onNewLine(["\(name):"] + lines.map { "  " + $0 })) }
    guard let list = root.member(name) else {
      guard !root.isInBrackets else { throw inBrackets("the file") }
      return try change(at: bytes.count, onNewLine(["\(name):"] + lines.map { "  " + $0 }))
    }
    guard !list.isInBrackets else { throw inBrackets("\"\(name)\"") }
    let end = lineEnd(after: offset(list.range.upperBound))
    try change(at: end, onNewLine(lines.map { String(repeating: " ", count: list.position.column - 1) + $0 }, at: end))
  }

  /// Replaces a user's password hash.
  ///
  /// - Throws: If there is no such user, or the hash is malformed. Nothing is changed then.
  public mutating func setPasswordHash(_ hash: String, of username: String) throws(UsersEditFault) {
    guard let value = try user(username).member("password_hash") else { throw notFound("user", username) }
    try replace(value, YAMLScalar.written(hash))
  }

  /// Replaces the hash of a client's secret.
  ///
  /// - Throws: If there is no such client, or the hash is malformed. Nothing is changed then.
  public mutating func setSecretHash(_ hash: String, ofClient id: String) throws(UsersEditFault) {
    guard let value = try client(id).member("secret_hash") else { throw notFound("client", id) }
    try replace(value, YAMLScalar.written(hash))
  }

  /// Keeps a user from signing in.
  ///
  /// - Returns: Whether they could before.
  /// - Throws: If there is no such user.
  public mutating func disable(_ username: String) throws(UsersEditFault) -> Bool {
    try set(isDisabled: true, user(username))
  }

  /// Lets a user sign in again.
  ///
  /// - Returns: Whether they could not before.
  /// - Throws: If there is no such user.
  public mutating func enable(_ username: String) throws(UsersEditFault) -> Bool {
    try set(isDisabled: false, user(username))
  }

  /// Keeps a client from getting tokens.
  ///
  /// - Returns: Whether it could before.
  /// - Throws: If there is no such client.
  public mutating func disable(client id: String) throws(UsersEditFault) -> Bool {
    try set(isDisabled: true, client(id))
  }

  /// Lets a client get tokens again.
  ///
  /// - Returns: Whether it could not before.
  /// - Throws: If there is no such client.
  public mutating func enable(client id: String) throws(UsersEditFault) -> Bool {
    try set(isDisabled: false, client(id))
  }

  private mutating func set(isDisabled: Bool, _ user: Node) throws(UsersEditFault) -> Bool {
    if let value = user.member("disabled") {
      guard case .scalar(let scalar) = value.content, scalar.text != "\(isDisabled)" else { return false }
      try replace(value, "\(isDisabled)")
      return true
    }
    guard isDisabled, case .mapping(let entries) = user.content, let last = entries.last else { return false }
    if user.isInBrackets {
      try change(at: offset(last.value.range.upperBound), ", disabled: true")
    } else {
      let end = lineEnd(after: offset(last.value.range.upperBound))
      let indent = String(repeating: " ", count: last.keyPosition.column - 1)
      try change(at: end, onNewLine(["\(indent)disabled: true"], at: end))
    }
    return true
  }

  /// Who is there already is changed otherwise than by adding them once more.
  private func refuseAnother(_ new: NewUser) throws(UsersEditFault) {
    let isUser = new.kind == .user
    let name = new.username ?? new.id
    guard let found = list(isUser ? "users" : "clients").first(where: { $0.has(isUser ? "username" : "id", name) })
    else { return }
    let (noun, another) =
      isUser ? ("user", "user password sets another password") : ("client", "client secret makes another secret")
    throw UsersEditFault(
      description: "\(path):\(found.position.line): there is a \(noun) \"\(name)\" already; to change its roles, "
        + "permissions or scopes, edit them there; portcullis \(another)")
  }

  // MARK: Places

  private func user(_ username: String) throws(UsersEditFault) -> Node {
    guard let found = users.first(where: { $0.has("username", username) }) else { throw notFound("user", username) }
    return found
  }

  private func client(_ id: String) throws(UsersEditFault) -> Node {
    guard let found = list("clients").first(where: { $0.has("id", id) }) else { throw notFound("client", id) }
    return found
  }

  private var users: [Node] { list("users") }

  private func list(_ name: String) -> [Node] {
    if case .sequence(let elements)? = root?.member(name)?.content { elements } else { [] }
  }

  private func notFound(_ noun: String, _ name: String) -> UsersEditFault {
    UsersEditFault(description: "\(path): there is no \(noun) \"\(name)\"")
  }

  private func inBrackets(_ what: String) -> UsersEditFault {
    UsersEditFault(description: "\(path): \(what) is written in brackets; write one line for each key, or add to it")
  }

  /// The byte at which the character of that number begins.
  private func offset(_ character: Int) -> Int {
    var count = 0
    for (offset, byte) in bytes.enumerated() where byte & 0xC0 != 0x80 {
      if count == character { return offset }
      count += 1
    }
    return bytes.count
  }

  /// Where the next line begins, or the text ends.
  private func lineEnd(after offset: Int) -> Int {
    var end = offset
    // A block of text ends at the beginning of a line.
    if end > 0, bytes[end - 1] == UInt8(ascii: "\n") { return end }
    while end < bytes.count, bytes[end] != UInt8(ascii: "\n") { end += 1 }
    return min(end + 1, bytes.count)
  }

  private func onNewLine(_ lines: [String], at offset: Int? = nil) -> String {
    let offset = offset ?? bytes.count
    let isAtBeginning = offset == 0 || bytes[offset - 1] == UInt8(ascii: "\n")
    return (isAtBeginning ? "" : "\n") + lines.map { $0 + "\n" }.joined()
  }

  private mutating func replace(_ node: Node, _ text: String) throws(UsersEditFault) {
    try change(offset(node.range.lowerBound)..<offset(node.range.upperBound), text)
  }

  private mutating func change(at offset: Int, _ text: String) throws(UsersEditFault) {
    try change(offset..<offset, text)
  }

  /// What comes of a change has to be right as a whole: otherwise nothing is changed.
  private mutating func change(_ range: Range<Int>, _ text: String) throws(UsersEditFault) {
    var changed = bytes
    changed.replaceSubrange(range, with: text.utf8)
    if case .failure(let diagnostics) = UsersFile.parse(changed, file: path) {
      throw UsersEditFault(description: diagnostics.list.first?.message ?? "it cannot be changed")
    }
    bytes = changed
    root = UsersFileText.compose(changed)
  }
}

extension Node {
  /// The value of a key of a mapping.
  fileprivate func member(_ name: String) -> Node? {
    guard case .mapping(let entries) = content else { return nil }
    return entries.first { $0.key == name }?.value
  }

  /// Whether a key of a mapping has that value, byte for byte.
  fileprivate func has(_ name: String, _ text: String) -> Bool {
    member(name)?.scalarText?.utf8.elementsEqual(text.utf8) == true
  }

  /// nil where it is no scalar.
  fileprivate var scalarText: String? { if case .scalar(let scalar) = content { scalar.text } else { nil } }
}
