import Crypto
import Tokens

/// A users file as written.
struct UsersFileDraft: Sendable {
  var users: [Decoded<UserDraft>] = []
  var clients: [Decoded<MachineClientDraft>] = []
  var isDemo = false

  static let keys = KeyTable<UsersFileDraft>(
    "Who may sign in.", defaults: UsersFileDraft(),
    keys: [
      Key("users", \.users, .list(of: .mapping(UserDraft.keys), "users"), "People, who sign in with a password."),
      Key(
        "clients", \.clients, .list(of: .mapping(MachineClientDraft.keys), "clients"),
        "Programs, which get tokens for themselves with a secret (RFC 6749 §4.4)."),
      Key(
        "demo", \.isDemo, .boolean, "Whether everyone may know the passwords: only for listeners on loopback."),
    ])

  /// What it says, without what was reported.
  func file(_ path: String, _ places: KeyPlaces, _ decoding: inout Decoding) -> UsersFile {
    if places.isMissing("users"), places.isMissing("clients") {
      decoding.report(places.mapping, "nobody may sign in: \"users\" or \"clients\" is required")
    }
    var names: [[UInt8]: Position] = [:]
    for user in users {
      if let name = user.value.username { UsersFileDraft.claim(name, "username", &names, &decoding) }
    }
    // One space of names: a user's token must not pass for a program's.
    var ids: [[UInt8]: Position] = [:]
    for id in users.map(\.value.id) + clients.map(\.value.id) {
      if let id { UsersFileDraft.claim(id, "id", &ids, &decoding) }
    }
    return UsersFile(
      path: path, users: users.compactMap(\.value.user), clients: clients.compactMap(\.value.client), isDemo: isDemo)
  }

  private static func claim(
    _ name: Located<String>, _ noun: String, _ taken: inout [[UInt8]: Position], _ decoding: inout Decoding
  ) {
    let key = Array(name.value.utf8)
    if let first = taken[key] {
      decoding.report(name.position, "the \(noun) \(name.written) is already taken on line \(first.line)")
    } else {
      taken[key] = name.position
    }
  }
}

/// `users[]` as written.
struct UserDraft: Sendable {
  var id: Located<String>?
  var username: Located<String>?
  var passwordHash: PasswordHash?
  var roles: [String] = []
  var permissions: [String] = []
  var scopes: [String] = []
  var claims: [ClaimMember] = []
  var isDisabled = false

  static let keys = KeyTable<UserDraft>(
    "Someone who signs in with a password.", defaults: UserDraft(),
    keys: [
      Key(
        "id", ifWritten: \.id, ValueKind.identifier.located, presence: .required,
        "Their `sub` in tokens. It never changes, and is never given to someone else."),
      Key(
        "username", ifWritten: \.username, ValueKind.username.located, presence: .required, "What they type to sign in."
      ),
      Key(
        "password_hash", ifWritten: \.passwordHash, .passwordHash, presence: .required,
        "A hash of yescrypt, bcrypt or sha512crypt: \"portcullis user password\" makes one."),
      Key("roles", \.roles, .list(of: .grant("a role"), "roles"), "Their roles."),
      Key(
        "permissions", \.permissions, .list(of: .grant("a permission"), "permissions"), "What they may do."),
      Key("scopes", \.scopes, .list(of: .scope, "scopes"), "The scopes of their tokens."),
      Key("claims", \.claims, .userClaims, "Additional claims of their tokens."),
      Key("disabled", \.isDisabled, .boolean, "Whether they are kept from signing in."),
    ])

  var user: User? {
    guard let id, let username, let passwordHash else { return nil }
    return User(
      id: id.value, username: username.value, passwordHash: passwordHash, roles: roles, permissions: permissions,
      scopes: scopes, claims: claims, isDisabled: isDisabled)
  }
}

/// `clients[]` as written.
struct MachineClientDraft: Sendable {
  var id: Located<String>?
  var secretHash: PasswordHash?
  var roles: [String] = []
  var permissions: [String] = []
  var scopes: [String] = []
  var isDisabled = false

  static let keys = KeyTable<MachineClientDraft>(
    "A program that gets tokens for itself.", defaults: MachineClientDraft(),
    keys: [
      Key(
        "id", ifWritten: \.id, ValueKind.identifier.located, presence: .required,
        "Its `client_id`, and its `sub` in tokens."),
      Key(
        "secret_hash", ifWritten: \.secretHash, .passwordHash, presence: .required,
        "The hash of its secret: \"portcullis client add\" makes both."),
      Key("roles", \.roles, .list(of: .grant("a role"), "roles"), "Its roles."),
      Key("permissions", \.permissions, .list(of: .grant("a permission"), "permissions"), "What it may do."),
      Key("scopes", \.scopes, .list(of: .scope, "scopes"), "The scopes of its tokens."),
      Key("disabled", \.isDisabled, .boolean, "Whether it gets no tokens."),
    ])

  var client: MachineClient? {
    guard let id, let secretHash else { return nil }
    return MachineClient(
      id: id.value, secretHash: secretHash, roles: roles, permissions: permissions, scopes: scopes,
      isDisabled: isDisabled)
  }
}
